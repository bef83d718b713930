// Requests as they go on the wire, and what they cost.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Job } from './load-job.ts'
import { LOAD_CORE, type Pinned, startPinned } from './processes.ts'
import { field, numberField, textField } from './protobuf.ts'

const LOAD = join(import.meta.dirname, 'load.js')
const US_PER_SECOND = 1e6

/** One kind of request to one port. */
export type Target = Pick<Job, 'kind' | 'port' | 'path'> & { models?: number; bodyFile?: string }

export interface Load {
  connections: number
  requests: number
  /** As many as are answered, unless told. */
  perSecond?: number
  /** Where the load runs, when not on its own core. */
  cores?: string
}

/** What a run of requests cost the server, and how long they took. */
export interface Cost {
  /** CPU of the server for each request, in microseconds. */
  cpuUs: number
  /** Cores that the server kept busy. */
  busy: number
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  p999: number
  max: number
}

const Done = z.object({
  requests: z.number(),
  failed: z.number(),
  seconds: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
})

/** Sends requests from the other core, and reads what they cost the server. Throws when one fails. */
export async function measure(server: Pinned, target: Target, load: Load): Promise<Cost> {
  const { cores = LOAD_CORE, ...rest } = load
  const job: Omit<Job, 'models'> = { ...target, ...rest }
  const before = server.cpuUs()
  await using loading = startPinned({
    cores,
    command: [process.execPath, '--enable-source-maps', LOAD, JSON.stringify(job)],
    messages: ['done'],
  })
  const { requests, failed, seconds, ...latencies } = Done.parse(await loading.said('done'))
  if (failed > 0) throw new Error(`${failed} of ${requests} requests failed: ${target.path}`)
  const spentUs = server.cpuUs() - before
  return {
    cpuUs: spentUs / requests,
    busy: spentUs / US_PER_SECOND / seconds,
    perSecond: requests / seconds,
    ...latencies,
  }
}

/** The body of a REST predict request of one row. */
export async function writeRestBody(folder: string, inputs: readonly number[]): Promise<string> {
  const path = join(folder, `rest-${inputs.length}.json`)
  await writeFile(path, JSON.stringify({ instances: [inputs] }))
  return path
}

/** A PredictRequest of one row, its floats as raw bytes or as a packed field. */
export async function writeGrpcBody(
  folder: string,
  { name, inputs, form }: { name: string; inputs: readonly number[]; form: 'content' | 'values' },
): Promise<string> {
  const floats = Buffer.from(Float32Array.from(inputs).buffer)
  const shape = field(2, field(2, numberField(1, 1)), field(2, numberField(1, inputs.length)))
  const tensor = [numberField(1, 1), shape, field(form === 'content' ? 4 : 5, floats)]
  const request = Buffer.concat([
    field(1, textField(1, name)),
    field(2, textField(1, 'x'), field(2, ...tensor)),
  ])
  const path = join(folder, `grpc-${form}-${inputs.length}.bin`)
  await writeFile(path, request)
  return path
}
