import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import { z } from 'zod'

const SCRIPT = join(import.meta.dirname, '../../scripts/start-s3.mjs')
const Started = z.object({
  endpoint: z.url(),
  bucket: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
})

/** Whether this machine has a real S3, or can build one. */
export const isS3There = (): boolean =>
  spawnSync(process.execPath, [SCRIPT, '--check'], { stdio: 'ignore' }).status === 0

/** A real S3; its keys are in the environment of this test, and of what it starts, from now on. */
export async function startS3() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-s3-'))
  const child = spawn(process.execPath, [SCRIPT, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = z.tuple([z.string()]).parse(await once(createInterface(child.stdout), 'line'))
  const { endpoint, bucket, accessKeyId, secretAccessKey } = Started.parse(JSON.parse(line))
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
  return {
    /** The setting that names a store under a prefix. */
    locationOf: (prefix: string) => `s3://${bucket}/${prefix}?endpoint=${endpoint}`,
    secretAccessKey,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
