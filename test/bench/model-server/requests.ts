// Requests as they go on the wire.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pinned } from './processes.ts'
import { LOAD_CORE, startPinned } from './processes.ts'
import { z } from 'zod'

const LOAD = join(import.meta.dirname, 'load.js')

/** One kind of request to one port. */
export interface Target {
  kind: 'http' | 'grpc'
  port: number
  path: string
  bodyFile: string
}

/** What a run of requests cost the server, and how long they took. */
export interface Cost {
  /** CPU of the server for each request, in microseconds. */
  cpuUs: number
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  p999: number
}

const Done = z.object({
  requests: z.number(),
  failed: z.number(),
  seconds: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
})

/** Sends requests from the other core, and reads what they cost the server. Throws when one fails. */
export async function measure(
  server: Pinned,
  target: Target,
  { connections, requests }: { connections: number; requests: number },
): Promise<Cost> {
  const job = JSON.stringify({ ...target, connections, requests })
  const before = server.cpuUs()
  await using load = startPinned({
    core: LOAD_CORE,
    command: [process.execPath, '--enable-source-maps', LOAD, job],
  })
  const done = Done.parse(await load.said('done'))
  if (done.failed > 0) throw new Error(`${done.failed} of ${done.requests} requests failed`)
  const cpuUs = (server.cpuUs() - before) / done.requests
  const { seconds, p50, p99, p999 } = done
  return { cpuUs, perSecond: done.requests / seconds, p50, p99, p999 }
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
  const tensor = Buffer.concat([
    varint(1, 1),
    field(2, field(2, varint(1, 1)), field(2, varint(1, inputs.length))),
    form === 'content' ? field(4, floats) : field(5, floats),
  ])
  const request = Buffer.concat([
    field(1, field(1, Buffer.from(name))),
    field(2, field(1, Buffer.from('x')), field(2, tensor)),
  ])
  const path = join(folder, `grpc-${form}-${inputs.length}.bin`)
  await writeFile(path, request)
  return path
}

/** A protobuf field of bytes. */
function field(number: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(number * 8 + 2), digits(content.length), content])
}

const varint = (number: number, value: number): Buffer =>
  Buffer.concat([Buffer.of(number * 8), digits(value)])

function digits(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.of(...bytes, rest)
}
