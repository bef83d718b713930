// The end of a server to which somebody is connected who asks nothing.

import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configList, configOf, writeModel } from './models.ts'
import { plus } from './models/small.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

/** Time in which clients with an open connection may use it once more, and some for the rest. */
const IDLE_END_MS_MAX = 12_000

let root: string
let config: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const basePath = await writeModel(root, 'model', { '1': plus(1) })
  config = join(root, 'models.config')
  await writeFile(config, configList([configOf('default', basePath)]))
})

afterAll(async () => await rm(root, { recursive: true, force: true }))

test.each([
  ['REST', ({ rest }: TestedServer) => Number(new URL(rest).port)],
  ['gRPC', ({ grpc }: TestedServer) => Number(grpc.split(':')[1])],
])('waits for a %s connection that asks nothing, but not long', async (_name, portOf) => {
  await using server = await startTested([`--model_config_file=${config}`])
  const socket = createConnection({ host: '127.0.0.1', port: portOf(server) })
  await once(socket, 'connect')
  // Answered on another connection: so this one was accepted by then.
  await untilAvailable(server, 'default')
  const startMs = performance.now()

  const ended = once(server.process, 'exit')
  server.process.kill('SIGTERM')

  expect(await ended).toEqual([0, null])
  expect(performance.now() - startMs).toBeLessThan(IDLE_END_MS_MAX)
  socket.destroy()
})
