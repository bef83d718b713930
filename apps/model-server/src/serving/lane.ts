// The way into the lane, and the lane's own side. See `Lane`.

import type { MessagePort } from 'node:worker_threads'
import { answerBytes } from '../grpc/port.ts'
import { answerPost } from '../rest/port.ts'
import { type Handlers, openChannel } from '../threads/channel.ts'
import type { Core, HttpAnswer, Lane } from './core.ts'
import type { LaneProtocol } from './messages.ts'
import type { ServingSettings } from './settings.ts'

/** On top of a request's own deadline, which the lane keeps itself: then it has stopped answering. */
const GRACE_MS = 5_000
const TRANSFER_BYTES_MIN = 16 * 1024

/** Hands requests over to the thread at the other end, which is started by `open` at the first one. */
export function laneOf(port: MessagePort, open: () => Promise<void>): Lane {
  const lane = openChannel<Record<string, never>, LaneProtocol>(port, {})
  const options = ({ body, deadlineMs }: { body: Uint8Array; deadlineMs: number }) => ({
    msMax: Math.max(0, deadlineMs - performance.now()) + GRACE_MS,
    transfer: wholeOf(body),
  })
  let opening: Promise<void> | undefined
  const opened = async (): Promise<void> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined
      throw error
    })
    await opening
  }
  return {
    rest: async (request) => {
      await opened()
      return await lane.ask('rest', toOther(request), options(request))
    },
    grpc: async (request) => {
      await opened()
      return await lane.ask('grpc', toOther(request), options(request))
    },
  }
}

/** Answers what comes from a serving thread. */
export function serveLane(port: MessagePort, core: Core, settings: ServingSettings): void {
  const { checksMethodNames } = settings.grpc
  const { writesTensorContent } = settings.grpc.grpc
  const handlers: Handlers<LaneProtocol> = {
    rest: async (request) => {
      const own = toOwn(request)
      return await answerPost(core, { ...own, body: asBuffer(own.body) }, { checksMethodNames })
    },
    grpc: async (request) => {
      const { method, body, deadlineMs } = toOwn(request)
      return await answerBytes(core, method, asBuffer(body), deadlineMs, {
        checksMethodNames,
        writesTensorContent,
      })
    },
  }
  openChannel<LaneProtocol, Record<string, never>>(port, handlers, (answer) =>
    answer instanceof Uint8Array ? wholeOf(answer) : isAnswer(answer) ? wholeOf(answer.body) : [],
  )
}

const isAnswer = (answer: unknown): answer is HttpAnswer =>
  typeof answer === 'object' && answer !== null && 'body' in answer

/**
 * The memory of bytes that are all of it: it can move to another thread uncopied. Short ones may be
 * constants, which must stay.
 */
const wholeOf = ({ buffer, byteLength }: Uint8Array): ArrayBuffer[] =>
  byteLength >= TRANSFER_BYTES_MIN &&
  buffer instanceof ArrayBuffer &&
  buffer.byteLength === byteLength
    ? [buffer]
    : []

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

/** Each thread's clock counts from its own start. */
const toOther = <T extends { deadlineMs: number }>(request: T): T => ({
  ...request,
  deadlineMs: request.deadlineMs + performance.timeOrigin,
})
const toOwn = <T extends { deadlineMs: number }>(request: T): T => ({
  ...request,
  deadlineMs: request.deadlineMs - performance.timeOrigin,
})
