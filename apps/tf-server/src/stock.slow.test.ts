import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { readConfig } from './config.ts'
import type { TfServerOptions } from './open.ts'
import { freePort } from './test-support/free-port.ts'
import { publish } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

// `tensorflow_model_server` itself cannot be had everywhere. Ours takes its place here: it is started
// with nothing but upstream's flags, and told what to serve by nothing but upstream's protocol.

const PROGRAM = readConfig({ DROVER_STORE: '-', DROVER_CACHE: '-' }).DROVER_MODEL_SERVER
const FLAGS = ['--file_system_poll_wait_seconds=1']

async function stock(kind: 'stock' | 'sidecar'): Promise<Partial<TfServerOptions>> {
  const [port, grpcPort] = [await freePort(), await freePort()]
  return { kind, rest: { host: '127.0.0.1', port }, grpcPort, modelServerFlags: FLAGS }
}

const sidecars: ChildProcess[] = []
afterAll(() => sidecars.forEach((child) => child.kill('SIGKILL')))

function startSidecar({ rest, grpcPort }: Partial<TfServerOptions>, cache: string): ChildProcess {
  const config = join(cache, 'stock/models.config')
  const child = spawn(
    PROGRAM,
    [
      `--rest_api_port=${rest?.port}`,
      `--port=${grpcPort}`,
      `--model_config_file=${config}`,
      ...FLAGS,
    ],
    { stdio: 'ignore' },
  )
  sidecars.push(child)
  return child
}

/** What a model answers under its label; undefined when there is none. */
async function stable(restUrl: string, name: string, x: number): Promise<unknown> {
  const response = await fetch(`${restUrl}/v1/models/${name}/labels/stable:predict`, {
    method: 'POST',
    headers: { connection: 'close' },
    body: JSON.stringify({ instances: [x] }),
  })
  return response.ok ? await response.json() : undefined
}

describe('a stock server as a child', () => {
  test('serves what it is told, label and all, through changes, a crash and a recycle', async () => {
    const changes = await stock('stock')
    await using fleet = await startReady(() => changes)
    const { server, store } = fleet
    const first = {
      sha: await publish(store, { 'acme.late': [1, 10], 'acme.other': [1, 5] }),
      seq: 3,
    }
    expect(await server.apply(first, 2)).toMatchObject({ status: 200, body: { failed: [] } })
    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [11] })

    const second = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    expect(await server.apply(second, 4)).toMatchObject({ status: 200, body: { failed: [] } })
    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [21] })
    expect(await server.predict('acme.other', 1)).toBeUndefined()

    const before = server.pid()
    process.kill(before ?? 0, 'SIGKILL')
    await vi.waitUntil(() => server.pid() !== undefined && server.pid() !== before, UNTIL)
    await vi.waitUntil(async () => await server.isReady(), UNTIL)
    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [21] })

    const { recycles } = await server.state()
    expect(await server.recycle(6, recycles)).toMatchObject({ status: 200 })
    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [21] })
  })
})

describe('a stock server beside the agent', () => {
  test('is told what to serve, and told again when it was replaced', async () => {
    const changes = await stock('sidecar')
    let sidecar: ChildProcess | undefined
    await using fleet = await startReady((cache) => {
      sidecar = startSidecar(changes, cache)
      return changes
    })
    const { server, store, folder } = fleet
    const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    expect(await server.apply(ref, 2)).toMatchObject({ status: 200, body: { failed: [] } })
    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [11] })
    expect(await server.state()).not.toHaveProperty('servingSince')

    sidecar?.kill('SIGKILL')
    await vi.waitUntil(async () => !(await server.isReady()), UNTIL)
    startSidecar(changes, folder.cache)
    await vi.waitUntil(async () => await server.isReady(), UNTIL)

    expect(await stable(server.restUrl, 'acme.late', 1)).toEqual({ predictions: [11] })
    const { recycles } = await server.state()
    expect(await server.recycle(4, recycles)).toMatchObject({ status: 409 })
  })
})
