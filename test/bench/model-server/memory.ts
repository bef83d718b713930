// What thousands of resident models cost over an empty server, after a request to each. Garbage is collected
// first on both sides: how much of it there is at a moment says nothing of the models.

import { join } from 'node:path'
import type { BenchRow } from '../main.ts'
import { makeFolder } from './folder.ts'
import {
  configOf,
  inputsOf,
  LARGE,
  type Layers,
  namesOf,
  SMALL,
  untilQuiet,
  writeNetworks,
} from './models.ts'
import { measure, writeRestBody } from './requests.ts'
import { type BenchServerOptions, startServer } from './server.ts'

const COUNT = { full: 5_000, quick: 20 }
const CONNECTIONS = 8
const BYTES_PER_KIB = 1_024
const US_PER_MS = 1_000

/** Memory and time to ready by model, large and small. */
export async function* benchMemory(isQuick: boolean): AsyncGenerator<BenchRow> {
  const count = isQuick ? COUNT.quick : COUNT.full
  for (const [name, layers, goal] of [
    ['large', LARGE, 530],
    ['small', SMALL, 20],
  ] as const) {
    const { kibibytes, uncollected, readyMs, readyCpuMs, emptyMiB } = await weigh(layers, count, {
      requestsEach: 1,
    })
    yield {
      name: `memory of ${count} models, ${name}`,
      unit: 'KiB each',
      value: kibibytes,
      goal,
      notes: {
        'with garbage': uncollected.toFixed(1),
        'empty server MiB': emptyMiB.toFixed(0),
      },
    }
    yield {
      name: `time to ready of ${count} models, ${name}`,
      unit: 'ms each',
      value: readyMs,
      goal: 3,
      notes: { 'CPU ms each': readyCpuMs.toFixed(2) },
    }
  }
}

export interface WeighOptions {
  requestsEach: number
  workers?: number
  cores?: string
}

/** What each of so many models takes over an empty server. */
export async function weigh(layers: Layers, count: number, { requestsEach, ...how }: WeighOptions) {
  await using folder = await makeFolder()
  const names = namesOf('m', count)
  const paths = await writeNetworks(join(folder.path, 'models'), layers, names)
  const bodyFile = await writeRestBody(folder.path, inputsOf(layers[0]))
  await untilQuiet()
  const start = async (options: Pick<BenchServerOptions, 'config' | 'models'>) =>
    await startServer({ folder: folder.path, canCollect: true, ...how, ...options })
  const empty = await readEmpty(start)
  await using server = await start({ config: configOf(paths), models: count })
  const cpuUs = server.cpuUs()
  const { startMs, ports } = server
  const path = '/v1/models/m{}:predict'
  await measure(
    server,
    { kind: 'http', port: ports.http, path, models: count, bodyFile },
    { connections: CONNECTIONS, requests: count * requestsEach },
  )
  const each = (bytes: number): number => bytes / count / BYTES_PER_KIB
  const uncollected = each(server.memoryBytes() - empty.memoryBytes)
  return {
    uncollected,
    kibibytes: each((await server.heldBytes()) - empty.heldBytes),
    readyMs: (startMs - empty.startMs) / count,
    readyCpuMs: (cpuUs - empty.cpuUs) / count / US_PER_MS,
    emptyMiB: empty.heldBytes / BYTES_PER_KIB ** 2,
  }
}

type Start = (
  options: Pick<BenchServerOptions, 'config' | 'models'>,
) => ReturnType<typeof startServer>

async function readEmpty(start: Start) {
  await using server = await start({ config: configOf(new Map()), models: 0 })
  const { startMs } = server
  const [cpuUs, memoryBytes] = [server.cpuUs(), server.memoryBytes()]
  return { startMs, cpuUs, memoryBytes, heldBytes: await server.heldBytes() }
}
