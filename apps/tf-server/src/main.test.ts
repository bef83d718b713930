import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ServerState } from '@drover/model-config'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { freePort } from './test-support/free-port.ts'
import { putConfig, putVersion, setChannel } from './test-support/published.ts'
import { startStore } from './test-support/server.ts'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const UNTIL = { timeout: 30_000, interval: 10 }
const LogLine = z.looseObject({ msg: z.string() })
type LogLine = z.output<typeof LogLine>
const Started = z.object({ msg: z.literal('started'), url: z.url(), restUrl: z.url() })

/** The agent as `drover up` starts it: a process with a pipe at its standard input. */
async function startProcess(env: Record<string, string>) {
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

async function predict(restUrl: string): Promise<unknown> {
  const response = await fetch(`${restUrl}/v1/models/acme.late:predict`, {
    method: 'POST',
    headers: { connection: 'close' },
    body: '{"instances": [1]}',
  })
  return await response.json()
}

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

test('an agent that was killed goes on from its cache on the same port', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  await setChannel(store, { sha: await putConfig(store, { 'acme.late': version }), seq: 3 })
  const env = {
    DROVER_STORE: folder.store,
    DROVER_CACHE: folder.cache,
    DROVER_REST_PORT: `${await freePort()}`,
  }
  await using first = await startProcess(env)
  await vi.waitUntil(first.isReady, UNTIL)
  expect(await predict(first.restUrl)).toEqual({ predictions: [11] })

  first.child.kill('SIGKILL')
  await first.exited
  await using second = await startProcess(env)
  await vi.waitUntil(second.isReady, UNTIL)

  expect(second.restUrl).toBe(first.restUrl)
  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(second.startedLines()).toBe(1)
  expect(await second.state()).toMatchObject({ recycles: 2, config: { seq: 3 } })
})

test('an agent whose store is not mounted makes none, says so and serves from its cache', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  const live = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }
  await setChannel(store, live)
  const env = { DROVER_STORE: folder.store, DROVER_CACHE: folder.cache }
  {
    await using first = await startProcess(env)
    await vi.waitUntil(first.isReady, UNTIL)
    await vi.waitUntil(() => existsSync(join(folder.cache, 'live.json')), UNTIL)
  }
  await rename(folder.store, `${folder.store}.unmounted`)
  await mkdir(folder.store)

  await using second = await startProcess(env)
  await vi.waitUntil(second.isReady, UNTIL)

  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(await second.state()).toMatchObject({
    config: live,
    impaired: expect.stringContaining('there is no store at'),
  })
  expect(await readdir(folder.store)).toEqual([])
})

test('an agent whose S3 takes connections and never answers serves from its cache within seconds', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  const live = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }
  await setChannel(store, live)
  {
    await using first = await startProcess({
      DROVER_STORE: folder.store,
      DROVER_CACHE: folder.cache,
    })
    await vi.waitUntil(first.isReady, UNTIL)
    await vi.waitUntil(() => existsSync(join(folder.cache, 'live.json')), UNTIL)
  }
  await using silent = await startSilent()

  await using second = await startProcess({
    DROVER_STORE: `s3://bucket/prefix?endpoint=${silent.endpoint}`,
    DROVER_CACHE: folder.cache,
    AWS_ACCESS_KEY_ID: 'the-id',
    AWS_SECRET_ACCESS_KEY: 'the-secret',
  })
  await vi.waitUntil(second.isReady, UNTIL)

  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(silent.connections()).toBeGreaterThan(0)
  expect(await second.state()).toMatchObject({ config: live })
  // Not the speed of this machine, but what the agent waits for.
  const late = 'the store did not answer within 3000 ms'
  await vi.waitUntil(async () => (await second.state()).impaired?.includes(late), UNTIL)
})

/** Takes every connection, and all that is sent over it. */
async function startSilent() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

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
