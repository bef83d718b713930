import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { MAIN, predict, startProcess, UNTIL } from './test-support/process.ts'
import { putConfig, putVersion, setChannel } from './test-support/published.ts'
import { startStore } from './test-support/server.ts'

const LogLine = z.looseObject({ msg: z.string() })
type LogLine = z.output<typeof LogLine>

test('the metrics have a token of their own, which opens nothing else and is not logged', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  await setChannel(store, undefined)
  const file = async (token: string) => {
    const path = join(folder.path, token)
    await writeFile(path, `${token}\n`)
    return path
  }
  await using server = await startProcess({
    DROVER_STORE: folder.store,
    DROVER_CACHE: folder.cache,
    DROVER_TOKEN_FILE: await file('of-everything'),
    DROVER_METRICS_TOKEN_FILE: await file('of-the-metrics'),
  })
  const ask = async (path: string, token: string) =>
    await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  await vi.waitUntil(server.isReady, UNTIL)

  const page = await ask('/metrics', 'of-the-metrics')
  const state = await ask('/v1/state', 'of-the-metrics')

  expect(await page.text()).toContain('drover_tf_server_ready 1')
  expect(state.status).toBe(401)
  expect((await ask('/v1/state', 'of-everything')).status).toBe(200)
  expect(server.lines.join('\n')).not.toMatch(/of-everything"|of-the-metrics"|Bearer/)
})

test('an agent ends when its parent’s pipe closes, and its model server with it', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  await setChannel(store, undefined)
  await using agent = await startProcess({
    DROVER_STORE: folder.store,
    DROVER_CACHE: folder.cache,
  })
  await vi.waitUntil(agent.isReady, UNTIL)

  agent.child.stdin.end()
  const [code] = await agent.exited

  expect(code).toBe(0)
  await expect(predict(agent.restUrl)).rejects.toThrow('fetch failed')
})

test('pull brings what is live into the cache and ends; what is wrong in the store is told', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const good = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  const torn = await putVersion(store, {
    name: 'acme.torn',
    version: 1,
    addend: 10,
    withFiles: (files) => files.map((file) => ({ ...file, sha256: 'f'.repeat(64) })),
  })
  const sha = await putConfig(store, { 'acme.late': good, 'acme.torn': torn })
  await setChannel(store, { sha, seq: 0 })

  const { code, lines } = await runToEnd('pull', folder.store, folder.cache)

  expect(code).toBe(0)
  expect(lines.map(({ msg }) => msg)).toEqual(['version is wrong in the store', 'pulled'])
  expect(lines[0]).toMatchObject({ name: 'acme.torn', version: 1 })
  expect(lines[1]).toMatchObject({ sha, seq: 0, versions: 1, faults: 1 })
  const pulled = join(folder.cache, 'models/acme.late/1')
  expect(await readdir(pulled)).toContain('saved_model.pb')
})

test.each([
  ['pull', 'elsewhere', 1],
  ['push', 'store', 2],
])('%s of %s ends with code %i', async (command, name, expected) => {
  await using opened = await startStore()
  const { path, cache } = opened.folder

  expect(await runToEnd(command, join(path, name), cache)).toMatchObject({ code: expected })
})

/** Runs one command to its end. */
async function runToEnd(command: string, store: string, cache: string) {
  const child = spawn(process.execPath, [MAIN, command], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, DROVER_STORE: store, DROVER_CACHE: cache },
  })
  const lines: LogLine[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(LogLine.parse(JSON.parse(line))))
  await once(child, 'close')
  return { code: child.exitCode, lines }
}
