// The way into the lane; see `Lane`. What happens there is in `lane-side.ts`.

import type { MessagePort } from 'node:worker_threads'
import { ServingError } from '@drover/serving-api'
import { type Channel, openChannel } from '../threads/channel.ts'
import type { Lane, LaneRequest } from './core.ts'
import type { Handed, LaneProtocol } from './messages.ts'
import { isKept } from './metadata.ts'

/** On top of a request's own deadline, which the lane keeps itself: then it has stopped answering. */
const GRACE_MS = 5_000
/** Bodies of one serving thread that wait in the lane or are answered there; one alone may be larger. */
const BODIES_BYTES_MAX = 512 * 1024 * 1024
const TRANSFER_BYTES_MIN = 16 * 1024

/** Hands requests over to the lane by a line that `open` gives: a new one if the last one was cut. */
export function laneOf(
  open: () => Promise<MessagePort>,
  { bodiesBytesMax = BODIES_BYTES_MAX }: { bodiesBytesMax?: number } = {},
): Lane {
  let line: Promise<Channel<LaneProtocol>> | undefined
  let bodiesBytes = 0

  const forget = (): void => {
    line = undefined
  }
  async function connect(): Promise<Channel<LaneProtocol>> {
    try {
      const port = await open()
      port.once('close', forget)
      return openChannel<Record<string, never>, LaneProtocol>(port, {})
    } catch (error) {
      forget()
      throw error
    }
  }

  async function ask<Name extends 'rest' | 'grpc'>(
    name: Name,
    handed: LaneProtocol[Name]['ask'],
  ): Promise<LaneProtocol[Name]['answer']> {
    const { byteLength } = handed.body
    if (bodiesBytes > 0 && bodiesBytes + byteLength > bodiesBytesMax)
      throw new ServingError('UNAVAILABLE', 'Too many large requests wait already')
    bodiesBytes += byteLength
    try {
      const channel = await (line ??= connect())
      const msMax = handed.deadlineMs - performance.timeOrigin - performance.now()
      return await channel.ask(name, handed, {
        msMax: Math.max(0, msMax) + GRACE_MS,
        transfer: transferOf(handed.body),
      })
    } finally {
      bodiesBytes -= byteLength
    }
  }

  return {
    rest: async (request) => await watching(request, async (handed) => await ask('rest', handed)),
    grpc: async (request) => await watching(request, async (handed) => await ask('grpc', handed)),
  }
}

/** Asks with a request that can cross threads, and tells the lane when nobody waits any more. */
async function watching<Request extends LaneRequest, Answer>(
  { signal, ...request }: Request,
  ask: (handed: Handed<Request>) => Promise<Answer>,
): Promise<Answer> {
  const gone = signal && new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const leave = (): void => {
    if (gone !== undefined) Atomics.store(gone, 0, 1)
  }
  if (signal?.aborted === true) leave()
  signal?.addEventListener('abort', leave, { once: true })
  try {
    const deadlineMs = request.deadlineMs + performance.timeOrigin
    return await ask({ ...request, body: alone(request.body), deadlineMs, gone })
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}

/** The same bytes in memory that holds nothing else and is nobody else's: to post them takes all of it along. */
export const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength === bytes.byteLength && !isKept(bytes) ? bytes : new Uint8Array(bytes)

/** What of bytes that are `alone` moves uncopied. Short ones may be constants, which must stay. */
export const transferOf = ({ buffer, byteLength }: Uint8Array): ArrayBuffer[] =>
  byteLength >= TRANSFER_BYTES_MIN && buffer instanceof ArrayBuffer ? [buffer] : []
