import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import { z } from 'zod'

const SCRIPT = join(import.meta.dirname, '../../../../scripts/start-s3.mjs')
const Started = z.object({
  endpoint: z.url(),
  bucket: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
})

/** Whether this machine has a real S3, or can build one. */
export const isGatewayThere = (): boolean =>
  spawnSync(process.execPath, [SCRIPT, '--check'], { stdio: 'ignore' }).status === 0

/** A real S3 over a folder; its keys are in the environment of this test from now on. */
export async function startGateway() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-s3-'))
  const child = spawn(process.execPath, [SCRIPT, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { endpoint, bucket, accessKeyId, secretAccessKey } = await readStart(child)
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
  return {
    endpoint,
    bucket,
    /** The folder of the bucket: its objects are files. */
    directory: join(folder, 'buckets', bucket),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function readStart({ stdout }: ChildProcess): Promise<z.output<typeof Started>> {
  if (stdout === null) throw new Error('the gateway has no output')
  for await (const line of createInterface({ input: stdout })) {
    return Started.parse(JSON.parse(line))
  }
  throw new Error('the gateway did not start')
}
