import { type EngineName, InferenceError, type Probe, type ProbeResult } from '@drover/inference'
import type { Check } from '@drover/model-config'
import { type Answer, checkAnswers, checkEngines, type Signatures } from './checks.ts'
import type { Brought } from './fetch.ts'
import { type GoldenRequest, seededRequests } from './seeds.ts'

const REASON_CHARACTERS_MAX = 1_000
const CHAIN_MAX = 5

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

/** The version cannot be judged now: it brought the probe down or did not end in time. */
export class ProbeCrash extends Error {
  override readonly name = 'ProbeCrash'
}

/** How the trial of one version is run. */
export interface TrialParts {
  probe: Prober
  directory: string
  timeoutMs: number
}

/**
 * Loads a version in TensorFlow and in the fast engine, and replays its golden requests on both.
 * What the version itself does wrong is a failing check; a crash is a `ProbeCrash`, and a fault of
 * the probe is its own error.
 */
export async function tryVersion(parts: TrialParts, brought: Brought): Promise<Trial> {
  const nothing = { engine: undefined, signatures: undefined, requests: [], answers: [] }
  if (brought.kind === 'invalid') {
    return { checks: [{ name: 'golden', pass: false, reason: brought.reason }], ...nothing }
  }
  const given = brought.kind === 'requests' ? brought.requests : []
  // Both engines at once where the requests are known; what TensorFlow says comes first all the same.
  const ahead = brought.kind === 'requests' ? startAhead(parts, given) : undefined
  const loaded = await attempt(parts, 'tensorflow', given)
  if (loaded.kind !== 'answered') {
    const reason = `TensorFlow cannot serve it: ${loaded.reason}`
    return { checks: [{ name: 'load', pass: false, reason }], ...nothing }
  }
  const { signatures, sizeBytes, loadMs, runMs } = loaded.result
  const load: Check = {
    name: 'load',
    pass: true,
    reason: `TensorFlow loads it in ${Math.round(loadMs)} ms`,
    numbers: { sizeBytes, loadMs, runMs },
  }
  const asked =
    brought.kind === 'requests'
      ? { requests: given, answers: loaded.result.answers }
      : await seed(parts, signatures)
  if ('reason' in asked) {
    const golden = { name: 'golden', pass: false, reason: asked.reason }
    return { ...nothing, checks: [load, golden], signatures }
  }
  const origin = brought.kind === 'requests' ? 'brought' : 'seeded'
  const golden = checkAnswers(asked.answers, origin)
  const fast = await (ahead?.() ?? attempt(parts, 'fast', asked.requests))
  const { engine, checks } = compare(fast, asked.answers)
  return { checks: [load, golden, ...checks], engine, signatures, ...asked }
}

type Attempt =
  | { kind: 'answered'; result: ProbeResult }
  | { kind: 'untranslatable'; reason: string }
  | { kind: 'failed'; reason: string }

async function attempt(
  { probe, directory, timeoutMs }: TrialParts,
  engine: 'fast' | 'tensorflow',
  requests: readonly GoldenRequest[],
): Promise<Attempt> {
  try {
    const golden = { format: 1 as const, requests: [...requests] }
    const result = await probe.check({ directory, engine, requests: golden, timeoutMs })
    return { kind: 'answered', result }
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    const reason = reasonOf(error)
    switch (error.code) {
      case 'LOAD_FAILED':
      case 'RUN_FAILED':
      case 'INVALID_INPUT':
        return { kind: 'failed', reason }
      case 'UNTRANSLATABLE':
        return { kind: 'untranslatable', reason }
      case 'CRASHED':
      case 'TIMEOUT':
        throw new ProbeCrash(`${engine}: ${reason}`, { cause: error })
      case 'UNAVAILABLE':
        throw error
    }
  }
}

/** The whole chain of causes in one line: a verdict is read by whoever pushed the version. */
function reasonOf(error: Error): string {
  const messages: string[] = []
  let cause: unknown = error
  while (cause instanceof Error && messages.length < CHAIN_MAX) {
    messages.push(cause.message)
    cause = cause.cause
  }
  return messages.join(': ').slice(0, REASON_CHARACTERS_MAX)
}

/** Of the seeded requests those that TensorFlow answers with finite numbers; a guess may not fit. */
async function seed(parts: TrialParts, signatures: Signatures) {
  const requests: GoldenRequest[] = []
  const answers: Answer[] = []
  let reason = 'the signatures ask for too much'
  for (const request of seededRequests(signatures)) {
    const tried = await attempt(parts, 'tensorflow', [request])
    if (tried.kind !== 'answered') reason = tried.reason
    else if (!checkAnswers(tried.result.answers, 'seeded').pass) reason = 'it is not finite'
    else {
      requests.push(request)
      answers.push(...tried.result.answers)
    }
  }
  if (requests.length > 0) return { requests, answers }
  return {
    reason: `it brought no golden requests (assets.extra/drover/golden.json), and TensorFlow answers none made from its signatures: ${reason}`,
  }
}

/** Starts the fast engine's attempt, whose failure is heard of only by who asks for it. */
function startAhead(parts: TrialParts, requests: readonly GoldenRequest[]): () => Promise<Attempt> {
  const running = attempt(parts, 'fast', requests)
  running.catch(() => {})
  return async () => await running
}

function compare(fast: Attempt, answers: readonly Answer[]): Pick<Trial, 'engine' | 'checks'> {
  const name = 'engines'
  if (fast.kind === 'untranslatable') {
    const reason = `served by TensorFlow: ${fast.reason}`
    return { engine: 'tensorflow', checks: [{ name, pass: true, reason }] }
  }
  if (fast.kind === 'failed') {
    const reason = `the fast engine fails where TensorFlow answers: ${fast.reason}`
    return { engine: undefined, checks: [{ name, pass: false, reason }] }
  }
  const { engine, answers: given } = fast.result
  return { engine, checks: [checkEngines(answers, given)] }
}
