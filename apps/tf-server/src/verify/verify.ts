import { InferenceError, type Probe, type ProbeCheck } from '@drover/inference'
import {
  compareAnswers,
  type Comparison,
  decodeTensors,
  type GoldenAnswers,
  TOLERANCE,
} from '@drover/serving-api'
import { AgentError } from '../errors.ts'
import type { PulledVersion } from '../pull/versions.ts'

const CHECK_MS_MAX = 30_000
/** A probe that was killed by something else proves nothing: a second one has to end the same way. */
const TRIES = 2

/**
 * Loads a version in a throw-away process and replays its golden requests there. Throws `FAULT`
 * when it crashes, hangs, does not load or answers wrongly: the serving process never sees it.
 */
export async function verifyInProbe(
  probe: Pick<Probe, 'check'>,
  { directory, engine }: Pick<PulledVersion, 'directory' | 'engine'>,
  golden: GoldenAnswers | undefined,
): Promise<void> {
  const answered = golden?.requests ?? []
  const requests = answered.map(({ signature, inputs }) => ({ signature, inputs }))
  const check: ProbeCheck = {
    directory,
    // Which of the fast ones runs it here is this server's business.
    engine: engine === undefined ? 'auto' : engine === 'tensorflow' ? engine : 'fast',
    requests: { format: 1, requests },
    timeoutMs: CHECK_MS_MAX,
  }
  const { answers } = await checkTwice(async () => await probe.check(check))
  for (const [index, { outputs }] of answered.entries()) {
    const answer = answers[index] ?? {}
    const { agreement, reason } = compareAnswers(decode(outputs), answer, TOLERANCE.servers)
    if (agreement === 'differs')
      throw new AgentError('FAULT', `golden request ${index} is answered wrongly: ${reason}`)
  }
}

async function checkTwice<T>(check: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await check()
    } catch (cause) {
      const kind = kindOf(cause)
      if (kind === 'again' && tries < TRIES) continue
      if (kind === 'elsewhere')
        throw new AgentError('IMPAIRED', 'the probe cannot be run', { cause })
      throw new AgentError('FAULT', 'the version fails in the probe', { cause })
    }
  }
}

function kindOf(error: unknown): 'proven' | 'again' | 'elsewhere' {
  if (!(error instanceof InferenceError)) return 'elsewhere'
  switch (error.code) {
    case 'LOAD_FAILED':
    case 'UNTRANSLATABLE':
    case 'RUN_FAILED':
    case 'INVALID_INPUT':
    // It is to run on an engine that this server will not have: that is no reason to hold up other models.
    case 'NOT_SET_UP':
      return 'proven'
    case 'CRASHED':
    case 'TIMEOUT':
      return 'again'
    case 'UNAVAILABLE':
      return 'elsewhere'
  }
}

/** Golden answers that do not fill their own shapes are the version's fault. */
export function decode(tensors: Parameters<typeof decodeTensors>[0]) {
  try {
    return decodeTensors(tensors)
  } catch (cause) {
    throw new AgentError('FAULT', 'the golden answers of the gate cannot be read', { cause })
  }
}

/** Compares an answer of the model server, as it came over the admin socket. */
export function compareEncoded(
  expected: Parameters<typeof decodeTensors>[0],
  answer: Parameters<typeof decodeTensors>[0],
): Comparison {
  return compareAnswers(decode(expected), decode(answer), TOLERANCE.servers)
}
