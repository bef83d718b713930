import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ServerState } from '@drover/model-config'
import { vi } from 'vitest'
import { z } from 'zod'

export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
export const UNTIL = { timeout: 30_000, interval: 10 }
const Started = z.object({ msg: z.literal('started'), url: z.url(), restUrl: z.url() })

/** The agent as `drover up` starts it: a process with a pipe at its standard input. */
export async function startProcess(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { DROVER_FOLLOW_PARENT: 'true', DROVER_POLL_MS: '100', ...env },
  })
  const exited = once(child, 'exit')
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  await vi.waitUntil(() => lines.some((line) => line.includes('"started"')), UNTIL)
  const started = lines.filter((line) => line.includes('"msg":"started"'))
  const { url, restUrl } = Started.parse(JSON.parse(started[0] ?? '{}'))
  return {
    child,
    exited,
    restUrl,
    url,
    lines,
    startedLines: () => lines.filter((line) => line.includes('"msg":"started"')).length,
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
    state: async () => ServerState.parse(await (await fetch(`${url}/v1/state`)).json()),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Asks its model `acme.late` for one row, over a connection of its own. */
export async function predict(restUrl: string): Promise<unknown> {
  const response = await fetch(`${restUrl}/v1/models/acme.late:predict`, {
    method: 'POST',
    headers: { connection: 'close' },
    body: '{"instances": [1]}',
  })
  return await response.json()
}
