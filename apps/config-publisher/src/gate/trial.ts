import { reasonOf } from '@drover/basics'
import { type EngineName, InferenceError, type Probe, type ProbeEngine } from '@drover/inference'
import type { Check } from '@drover/model-config'
import { compareAnswers, TOLERANCE } from '@drover/serving-api'
import { type Answer, checkAnswers, type Signatures } from './checks.ts'
import { type Attempt, checkEngines, REASON_CHARACTERS_MAX } from './engines.ts'
import type { Brought } from './fetch.ts'
import { plainly } from './plainly.ts'
import { type GoldenRequest, seededRequests } from './seeds.ts'

/** The part of a probe that the gate needs. */
export type Prober = Pick<Probe, 'check'>

/** What came of loading a version and asking it. */
export interface Trial {
  checks: Check[]
  /** The engine that serves it; undefined when it cannot be served. */
  engine: EngineName | undefined
  signatures: Signatures | undefined
  requests: readonly GoldenRequest[]
  /** TensorFlow's, one for each request. */
  answers: readonly Answer[]
}

/**
 * The version cannot be judged now: it brought a process of the probe down or did not end in time. If
 * that goes on, it can be judged `without` that engine, which is undefined where it needs it.
 */
export class ProbeCrash extends Error {
  override readonly name = 'ProbeCrash'
  readonly isTimeout: boolean
  readonly without: ProbeEngine | undefined

  constructor(
    message: string,
    about: { isTimeout?: boolean; without?: ProbeEngine; cause?: unknown } = {},
  ) {
    super(message, { cause: about.cause })
    this.isTimeout = about.isTimeout ?? false
    this.without = about.without
  }
}

/** How the trial of one version is run. */
export interface TrialParts {
  probe: Prober
  directory: string
  timeoutMs: number
  /** An engine that crashed or did not answer time and again, and that the version can do without. */
  without?: ProbeEngine | undefined
}

const NAMES = { tensorflow: 'TensorFlow', fast: 'the fast engine' } as const
/** Of a model that keeps what requests change, or draws by chance: its answers confirm no server. */
const CHANGES =
  'answers the same request otherwise the second time, so that no server could be confirmed by it'
const NOTHING = { engine: undefined, signatures: undefined, requests: [], answers: [] }

/**
 * Loads a version in TensorFlow and in the fast engine, and replays its golden requests on both. The
 * fast engine serves it where it gives TensorFlow's answers, else TensorFlow does. What the version
 * itself does wrong is a failing check; a crash is a `ProbeCrash`, and a fault of the probe is its own
 * error.
 */
export async function tryVersion(parts: TrialParts, brought: Brought): Promise<Trial> {
  if (brought.kind === 'invalid') {
    return { checks: [{ name: 'golden', pass: false, reason: brought.reason }], ...NOTHING }
  }
  if (parts.without === 'tensorflow') return await tryAlone(parts, brought)
  const given = brought.kind === 'requests' ? brought.requests : []
  // Both engines at once where the requests are known; what TensorFlow says comes first all the same.
  const ahead = brought.kind === 'requests' ? startAhead(parts, given) : undefined
  const fast = async (requests: readonly GoldenRequest[]) =>
    await (ahead?.() ?? attemptFast(parts, requests))
  const told = await ask(parts, 'tensorflow', brought).catch(async (error: unknown) => {
    const isSlow = error instanceof ProbeCrash && error.isTimeout
    const isServed = isSlow && (await fast(given)).kind === 'answered'
    throw isServed ? crashWithout('tensorflow', error) : error
  })
  if (told.engine === undefined) return told
  const tried = await fast(told.requests).catch((error: unknown) => {
    throw error instanceof ProbeCrash ? crashWithout('fast', error) : error
  })
  const { engine, check } = checkEngines(told.answers, tried)
  return { ...told, checks: [...told.checks, check], engine }
}

const crashWithout = (without: ProbeEngine, cause: Error): ProbeCrash =>
  new ProbeCrash(cause.message, { without, cause: cause.cause })

/** A version on which TensorFlow does not end in time: the golden answers are the fast engine's. */
async function tryAlone(parts: TrialParts, brought: Asked): Promise<Trial> {
  const told = await ask(parts, 'fast', brought)
  const reason = `not compared: TensorFlow does not answer within ${parts.timeoutMs} ms, tried again and again`
  return { ...told, checks: [...told.checks, { name: 'engines', pass: true, reason }] }
}

type Asked = Exclude<Brought, { kind: 'invalid' }>

/** What one engine says of a version, and the requests that it answered. */
async function ask(parts: TrialParts, engine: ProbeEngine, brought: Asked): Promise<Trial> {
  const given = brought.kind === 'requests' ? brought.requests : []
  const name = NAMES[engine]
  const again = firstOfEach(given)
  const loaded = await attempt(parts, engine, [...given, ...again])
  if (loaded.kind !== 'answered') {
    // Only TensorFlow's word is the last one: without it the version cannot be judged at all.
    if (engine !== 'tensorflow') throw new ProbeCrash(`${engine}: ${loaded.reason}`)
    const reason = `it cannot be served: ${loaded.reason}`
    return { checks: [{ name: 'load', pass: false, reason }], ...NOTHING }
  }
  const { signatures, sizeBytes, loadMs, runMs } = loaded.result
  const load: Check = {
    name: 'load',
    pass: true,
    reason: `${name} loads it in ${Math.round(loadMs)} ms`,
    numbers: { sizeBytes, loadMs, runMs },
  }
  const asked =
    brought.kind === 'requests'
      ? unlessChanging(given, again, loaded.result.answers)
      : await seed(parts, engine, signatures)
  if ('reason' in asked) {
    const golden = { name: 'golden', pass: false, reason: asked.reason }
    return { ...NOTHING, checks: [load, golden], signatures }
  }
  const origin = brought.kind === 'requests' ? 'brought' : 'seeded'
  const golden = checkAnswers(asked.answers, origin, name)
  return { checks: [load, golden], engine: loaded.result.engine, signatures, ...asked }
}

/** The first request of each signature: what it answers the second time is looked at. */
const firstOfEach = (requests: readonly GoldenRequest[]): GoldenRequest[] =>
  requests.filter(
    ({ signature }, at) => requests.findIndex((each) => each.signature === signature) === at,
  )

/** Requests and their answers, unless one of them is answered otherwise when it is asked again behind all. */
function unlessChanging(
  requests: readonly GoldenRequest[],
  again: readonly GoldenRequest[],
  all: readonly Answer[],
) {
  const [answers, second] = [all.slice(0, requests.length), all.slice(requests.length)]
  const changed = again.findIndex(
    (request, at) => !isSame(answers[requests.indexOf(request)], second[at]),
  )
  if (changed < 0) return { requests, answers }
  return { reason: `its signature ${again[changed]?.signature} ${CHANGES}`, isChanging: true }
}

/**
 * Whether a server that gives the one answer would be taken for one that gives the other. What is not
 * finite differs from itself, and is told by a check of its own.
 */
const isSame = (one: Answer = {}, other: Answer = {}): boolean =>
  compareAnswers(one, one, TOLERANCE.servers).agreement !== 'agrees' ||
  compareAnswers(one, other, TOLERANCE.servers).agreement === 'agrees'

async function attempt(
  { probe, directory, timeoutMs }: TrialParts,
  engine: ProbeEngine,
  requests: readonly GoldenRequest[],
): Promise<Attempt> {
  try {
    const golden = { format: 1 as const, requests: [...requests] }
    const result = await probe.check({ directory, engine, requests: golden, timeoutMs })
    return { kind: 'answered', result }
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    const reason = verdictOf(error, directory)
    switch (error.code) {
      case 'LOAD_FAILED':
      case 'RUN_FAILED':
      case 'INVALID_INPUT':
        return { kind: 'failed', reason }
      case 'UNTRANSLATABLE':
        return { kind: 'unable', reason }
      case 'CRASHED':
      case 'TIMEOUT':
        throw new ProbeCrash(`${engine}: ${reason}`, {
          isTimeout: error.code === 'TIMEOUT',
          cause: error,
        })
      case 'UNAVAILABLE':
      case 'NOT_SET_UP':
        throw error
    }
  }
}

/**
 * The whole chain of causes in one line, without the gate's own folder: a verdict is read by whoever
 * pushed the version.
 */
function verdictOf(error: Error, directory: string): string {
  const reason = reasonOf(error, Infinity)
    .replaceAll(`the model in ${directory}`, 'the model')
    .replaceAll(`${directory}/`, '')
    .replaceAll(directory, 'it')
  return plainly(reason).slice(0, REASON_CHARACTERS_MAX)
}

/**
 * Of the seeded requests those that are answered with finite numbers, the same when asked again; a
 * guess may not fit. All after one load, unless one is not answered so: then each after a load of its
 * own, so that none is answered by what another one left behind. A signature of which one is answered
 * otherwise the second time is left out.
 */
async function seed(parts: TrialParts, engine: ProbeEngine, signatures: Signatures) {
  if (Object.keys(signatures).length === 0)
    return { reason: 'nothing can be asked of it: it has no signatures' }
  const seeds = seededRequests(signatures)
  const together = await askTwice(
    parts,
    engine,
    seeds.map(([first]) => first),
  ).catch((error: unknown) => {
    if (error instanceof ProbeCrash && error.isTimeout) return { reason: error.message }
    throw error
  })
  if ('answers' in together && seeds.length > 0) return together
  const changing = new Set<string>()
  const fitting: { request: GoldenRequest; answers: readonly Answer[] }[] = []
  let reason = 'the signatures ask for too much'
  let changes: string | undefined
  for (const guesses of seeds) {
    const { request, tried } = await askInTurn(parts, engine, guesses)
    if ('answers' in tried) fitting.push({ request, answers: tried.answers })
    else if (tried.isChanging === true) {
      changing.add(request.signature)
      changes ??= tried.reason
    } else reason = tried.reason
  }
  // A guess such as a zero that is added may hide what the signature changes.
  const kept = fitting.filter(({ request }) => !changing.has(request.signature))
  const requests = kept.map(({ request }) => request)
  const answers = kept.flatMap((each) => each.answers)
  if (requests.length > 0) return { requests, answers }
  // No requests of its own would help there.
  if (changes !== undefined) return { reason: changes }
  return {
    reason: `it brought no golden requests (assets.extra/drover/golden.json), and ${NAMES[engine]} answers none made from its signatures: ${reason}`,
  }
}

/** Asks one after the other until one of them is answered, be it otherwise the second time. */
async function askInTurn(
  parts: TrialParts,
  engine: ProbeEngine,
  [request, ...others]: [GoldenRequest, ...GoldenRequest[]],
): Promise<{ request: GoldenRequest; tried: Awaited<ReturnType<typeof askTwice>> }> {
  const tried = await askTwice(parts, engine, [request])
  const [next, ...rest] = others
  if (next === undefined || 'answers' in tried || tried.isChanging === true)
    return { request, tried }
  return await askInTurn(parts, engine, [next, ...rest])
}

async function askTwice(
  parts: TrialParts,
  engine: ProbeEngine,
  requests: readonly GoldenRequest[],
): Promise<ReturnType<typeof unlessChanging> | { reason: string; isChanging?: boolean }> {
  const tried = await attempt(parts, engine, [...requests, ...requests])
  if (tried.kind !== 'answered') return { reason: tried.reason }
  const all = tried.result.answers
  const first = all.slice(0, requests.length)
  if (!checkAnswers(first, 'seeded', NAMES[engine]).pass) return { reason: 'it is not finite' }
  return unlessChanging(requests, requests, all)
}

/** Starts the fast engine's attempt, whose failure is heard of only by who asks for it. */
function startAhead(parts: TrialParts, requests: readonly GoldenRequest[]): () => Promise<Attempt> {
  const running = attemptFast(parts, requests)
  running.catch(() => {})
  return async () => await running
}

async function attemptFast(
  parts: TrialParts,
  requests: readonly GoldenRequest[],
): Promise<Attempt> {
  if (parts.without !== 'fast') return await attempt(parts, 'fast', requests)
  const reason = 'the process of the fast engine ended over it or gave no answer, again and again'
  return { kind: 'unable', reason }
}
