// What the REST side answers to a request whose body is there: at once where nothing must be waited
// for.

import { type ModelChoice, ServingError, writeMetadata, writeStatus } from '@drover/serving-api'
import type { Log } from '@drover/service'
import {
  type Core,
  type HttpAnswer,
  type Lane,
  type LaneRequest,
  toldSignatures,
} from '../serving/core.ts'
import { TIMED_OUT } from '../serving/errors.ts'
import { isLongMetadata } from '../serving/metadata.ts'
import { isHeavy } from './heavy.ts'
import { Pending } from './pending.ts'
import {
  type Answering,
  answerHere,
  counted,
  LongAnswer,
  type Post,
  type Soon,
  waitFor,
  whenThere,
} from './post.ts'
import { NOTHING, pageOf, type Reply, replyTo } from './reply.ts'
import type { RestRoute } from './routes.ts'
import { Turns } from '../event-loop/turns.ts'

/** Values of an answer that are written in the listening thread: at most 2 us each. */
const VALUES_HERE_MAX = 4_000
/** Models whose answers were too long for this thread; the lane answers such requests from then on. */
const LONG_MODELS_MAX = 1_000

/** No answer is waited for longer, whatever the settings say. */
const WAIT_MS_MAX = 24 * 3_600 * 1_000

const PLAIN_TEXT = 'text/plain'
/** What upstream's HTTP library says of a body without a type. */
const NO_TYPE = 'text/html; charset=ISO-8859-1'

const LATE = new ServingError('DEADLINE_EXCEEDED', TIMED_OUT)
const BROKEN = new ServingError('INTERNAL', 'Something went wrong here; the log says what')

export interface AnswersOptions {
  core: Core
  log: Log
  /** How long an answer may take; 0 or less is no limit, as upstream has it. */
  timeoutMs: number
  /** `--enable_signature_method_name_check`. */
  checksMethodNames: boolean
  /** Why a request with these headers is not answered at all; undefined if it is. */
  refusalOf: (host: string | undefined, origin: string | undefined) => ServingError | undefined
}

/** Whoever is to get an answer. */
export interface Asker {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** A request that can be answered. */
export interface Question {
  route: RestRoute
  host: string | undefined
  origin: string | undefined
  body: Uint8Array
  asker: Asker
}

/** Answers for one port. */
export class Answers {
  readonly #options: AnswersOptions
  readonly #core: Core
  readonly #pending: Pending
  readonly #here: Answering
  readonly #turns = new Turns()
  /** By model: the shortest body whose answer was too long for this thread. */
  readonly #longFrom = new Map<string, number>()

  constructor(options: AnswersOptions) {
    const { core, timeoutMs, checksMethodNames } = options
    this.#options = options
    this.#core = core
    this.#pending = new Pending(timeoutMs > 0 ? Math.min(timeoutMs, WAIT_MS_MAX) : WAIT_MS_MAX)
    const valuesMax = core.lane === undefined ? Infinity : VALUES_HERE_MAX
    this.#here = { core, valuesMax, checksMethodNames }
  }

  /** Calls `tell` with the reply, once: within this call if nothing must be waited for. */
  answer(question: Question, tell: (reply: Reply) => void): void {
    const deadlineMs = this.#pending.deadlineMs(performance.now())
    if (this.#turns.isFree) this.#answer(question, deadlineMs, tell)
    else this.#answerLater(question, deadlineMs, tell)
  }

  #answerLater(question: Question, deadlineMs: number, tell: (reply: Reply) => void): void {
    let left: () => void
    try {
      left = waitFor(this.#core, subjectOf(question.route))
    } catch (error) {
      return tell(this.failed(error))
    }
    this.#turns.wait(() => {
      left()
      if (performance.now() > deadlineMs) tell(this.failed(LATE))
      else this.#answer(question, deadlineMs, tell)
    })
  }

  #answer(question: Question, deadlineMs: number, tell: (reply: Reply) => void): void {
    let reply: Soon<Reply>
    try {
      reply = this.#replyTo(question, deadlineMs)
    } catch (error) {
      reply = this.failed(error)
    }
    if (!(reply instanceof Promise)) return tell(reply)
    const made = reply.catch((error: unknown) => this.failed(error))
    this.#pending.wait(made, tell, () => this.failed(LATE))
  }

  /** What a failure is to the client. One that was not expected goes to the log. */
  failed(error: unknown): Reply {
    const reply = replyTo(error)
    if (reply !== undefined) return reply
    this.#options.log.error({ err: error }, 'request failed')
    return this.failed(BROKEN)
  }

  #replyTo(question: Question, deadlineMs: number): Soon<Reply> {
    const { route, host, origin, body, asker } = question
    const refusal = this.#options.refusalOf(host, origin)
    if (refusal !== undefined) throw refusal
    switch (route.kind) {
      case 'predict':
      case 'classify':
      case 'regress':
        return this.#post({ method: route.kind, model: route.model, body, deadlineMs }, asker)
      case 'status':
        return this.#status(route.model)
      case 'metadata':
        return this.#metadata(route.model, { body, deadlineMs }, asker)
      case 'preflight':
        return preflight(origin)
      case 'metrics':
        return this.#metrics(route.refusal)
      case 'refused':
        return counted(this.#core, { name: undefined, api: '' }, () => refuse(route.error))
      case 'unreadable':
        return { ...this.failed(route.error), body: NOTHING }
      case 'page':
        return pageOf(route.status)
    }
  }

  #post(post: Post, asker: Asker): Soon<Reply> {
    if (this.#core.lane !== undefined && this.#isLong(post)) return this.#askLane(post, asker)
    try {
      const made = answerHere(this.#here, post)
      if (!(made instanceof Promise)) return ok(made)
      return made.then(ok, (error: unknown) => this.#again(post, asker, error))
    } catch (error) {
      return this.#again(post, asker, error)
    }
  }

  #isLong({ method, model, body }: Post): boolean {
    return isHeavy(method, body) || body.length >= (this.#longFrom.get(model.name) ?? Infinity)
  }

  /** An answer that was too long for this thread is made again in the lane. */
  #again(post: Post, asker: Asker, error: unknown): Soon<Reply> {
    if (!(error instanceof LongAnswer)) throw error
    const { name } = post.model
    const [oldest] = this.#longFrom.keys()
    if (oldest !== undefined && this.#longFrom.size >= LONG_MODELS_MAX)
      this.#longFrom.delete(oldest)
    this.#longFrom.set(name, Math.min(post.body.length, this.#longFrom.get(name) ?? Infinity))
    return this.#askLane(post, asker)
  }

  async #askLane(request: Parameters<Lane['rest']>[0], { signal }: Asker): Promise<Reply> {
    const { lane } = this.#core
    if (lane === undefined) throw new Error('nobody hands requests on but to the lane')
    return await lane.rest({ ...request, signal })
  }

  /** Labels are not looked at here: upstream tells of all versions. */
  #status({ name, version }: ModelChoice): Soon<Reply> {
    const choice = version === undefined ? { name } : { name, version }
    return whenThere(
      counted(this.#core, { name, api: 'status' }, () => this.#core.control.status(choice)),
      (statuses) => ok(writeStatus(statuses)),
    )
  }

  #metadata(model: ModelChoice, request: LaneRequest, asker: Asker): Soon<Reply> {
    return whenThere(
      counted(this.#core, { name: model.name, api: 'metadata' }, () => this.#core.find(model)),
      (found): Soon<Reply> =>
        this.#core.lane !== undefined && isLongMetadata(found)
          ? this.#askLane({ ...request, method: 'metadata', model }, asker)
          : ok(writeMetadata(found, toldSignatures(found))),
    )
  }

  #metrics(refusal: string | undefined): Soon<Reply> {
    if (refusal !== undefined)
      return { status: 400, body: Buffer.from(refusal), type: PLAIN_TEXT, isPage: true }
    return this.#core.control
      .prometheus()
      .then((body) => ({ status: 200, body, type: PLAIN_TEXT, isPage: true }))
  }
}

function preflight(origin = ''): Reply {
  return { status: /https?:\/\//.test(origin) ? 200 : 400, body: NOTHING, type: NO_TYPE }
}

function refuse(error: ServingError): never {
  throw error
}

const ok = (body: Uint8Array): HttpAnswer => ({ status: 200, body })

/** What a request is counted as. */
const subjectOf = (route: RestRoute): { name: string | undefined; api: string } =>
  'model' in route ? { name: route.model.name, api: route.kind } : { name: undefined, api: '' }
