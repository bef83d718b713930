// The lane's own side: requests come over a line from each serving thread; see `Lane`.

import type { MessagePort } from 'node:worker_threads'
import { ServingError, type Tensor } from '@drover/serving-api'
import { answerBytes, type GrpcSettings } from '../grpc/port.ts'
import { answerInLane, waitFor } from '../rest/port.ts'
import type { Slices } from '../rest/post.ts'
import { inSlices } from '../event-loop/pace.ts'
import { type Handlers, openChannel } from '../threads/channel.ts'
import type { Admission, Place } from './admission.ts'
import type { Core, HttpAnswer, LaneRequest } from './core.ts'
import { TIMED_OUT } from './errors.ts'
import { alone, transferOf } from './lane.ts'
import type { Handed, LaneProtocol } from './messages.ts'

/** Bytes of a body in which a text comes at most: of JSON, and of a message, most of which have none. */
const JSON_BYTES_A_TEXT = 3
const MESSAGE_BYTES_A_TEXT = 8
/** Bytes of a body of numbers that take the room of a text. */
const NUMBER_BYTES_A_TEXT = 32
/** Where the names at the beginning of a body have ended. */
const NAMES_BYTES_MAX = 128

/** Longest that reading or writing one request holds the lane's loop at a stretch. */
const STRETCH_MS = 2

const QUOTE = 0x22

export interface LaneOptions {
  core: Core
  /** That of all lines together. */
  admission: Admission
  settings: {
    grpc: Pick<GrpcSettings, 'checksMethodNames'> & {
      grpc: Pick<GrpcSettings['grpc'], 'writesTensorContent'>
    }
  }
}

/** Answers what comes from a serving thread. */
export function serveLane(port: MessagePort, { core, admission, settings }: LaneOptions): void {
  const { checksMethodNames } = settings.grpc
  const { writesTensorContent } = settings.grpc.grpc
  const handlers: Handlers<LaneProtocol> = {
    rest: async (handed) => {
      const { method, model } = handed
      const left = waitFor(core, { name: model.name, api: method })
      const place = await admission.enter(jsonTextsIn(handed)).finally(left)
      try {
        const { request, look } = watchedFrom(handed)
        const slices: Slices = async (steps) => await inSlices(steps, STRETCH_MS, look)
        const own = watching(core, { place, look })
        const answer = await answerInLane(own, request, { checksMethodNames, slices })
        return { ...answer, body: alone(answer.body) }
      } finally {
        place.leave()
      }
    },
    grpc: async (handed) => {
      const place = await admission.enter(handed.body.length / MESSAGE_BYTES_A_TEXT)
      try {
        const { request, look } = watchedFrom(handed)
        const { method, body, deadlineMs } = request
        const own = watching(core, { place, look })
        const options = { checksMethodNames, writesTensorContent }
        const answer = await answerBytes(own, method, body, deadlineMs, options)
        return alone(answer)
      } finally {
        place.leave()
      }
    },
  }
  openChannel<LaneProtocol, Record<string, never>>(port, handlers, (answer) =>
    answer instanceof Uint8Array
      ? transferOf(answer)
      : isAnswer(answer)
        ? transferOf(answer.body)
        : [],
  )
}

const isAnswer = (answer: unknown): answer is HttpAnswer =>
  typeof answer === 'object' && answer !== null && 'body' in answer

/** A request by the clock of this thread, and what throws once it is not worth going on. */
function watchedFrom<Request extends LaneRequest>({ gone, ...handed }: Handed<Request>) {
  const deadlineMs = handed.deadlineMs - performance.timeOrigin
  const { buffer, byteOffset, byteLength } = handed.body
  return {
    request: { ...handed, body: Buffer.from(buffer, byteOffset, byteLength), deadlineMs },
    look: (): void => {
      if (gone !== undefined && Atomics.load(gone, 0) !== 0)
        throw new ServingError('CANCELLED', 'Nobody waits for the answer any more')
      if (performance.now() > deadlineMs) throw new ServingError('DEADLINE_EXCEEDED', TIMED_OUT)
    },
  }
}

/** The models for one request: before each step it is looked at whether the answer is still wanted. */
function watching(core: Core, { place, look }: { place: Place; look: () => void }): Core {
  return {
    ...core,
    find: (choice) => {
      look()
      return core.find(choice)
    },
    run: (found, call) => {
      look()
      place.hold(textsIn(call.inputs))
      const running = core.run(found, call)
      if (!(running instanceof Promise)) return running
      return running.then((outputs) => {
        look()
        return outputs
      })
    },
  }
}

/** The most texts that a body may bring, looked at by native code; its numbers in room of that many. */
function jsonTextsIn({
  method,
  body,
}: Pick<LaneProtocol['rest']['ask'], 'method' | 'body'>): number {
  // Of a classify request each example is a text, even one without a name.
  const hasTexts = method !== 'predict' || body.includes(QUOTE, NAMES_BYTES_MAX)
  return body.length / (hasTexts ? JSON_BYTES_A_TEXT : NUMBER_BYTES_A_TEXT)
}

const textsIn = (inputs: Readonly<Record<string, Tensor>>): number =>
  Object.values(inputs).reduce(
    (sum, { dtype, values }) => sum + (dtype === 'DT_STRING' ? values.length : 0),
    0,
  )
