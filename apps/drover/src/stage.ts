import { describeServing, type ServedBy } from './servers.ts'

/** The stages that a model goes through, in their order; `rejected` and `failed` end it early. */
export const STAGES = [
  'queued',
  'training',
  'trained',
  'judged',
  'published',
  'served',
  'rejected',
  'failed',
] as const
export type Stage = (typeof STAGES)[number]

/** All that the three apps say of one model, in one plain value. */
export interface ModelView {
  /** The served name. */
  name: string
  /** Whether its present request still waits for a run, and why it does not if it does not. */
  due: boolean
  running: boolean
  /** The newest committed version. */
  newest: { version: number; at: string } | undefined
  /** The last run that committed nothing, when it is newer than the newest version. */
  failure: { class: string; reason: string; final: boolean } | undefined
  /** The verdict on the newest version. */
  verdict: { pass: boolean; reason: string } | undefined
  /** The version to which the model is pinned. */
  pin: number | 'none' | undefined
  candidate: number | undefined
  live: number | undefined
  /** Who serves the live version. */
  servedBy: ServedBy
  /** Its fleet, where that is another one than the restarter's, so that its servers are not seen. */
  elsewhere: string | undefined
}

/** A stage, and what a person may want to know of it. */
export interface Staged {
  stage: Stage
  note: string
}

/** Where a model is in the loop. */
export function stageOf(view: ModelView): Staged {
  const { newest, failure, verdict } = view
  if (view.running) return { stage: 'training', note: '' }
  if (failure?.final === true) {
    return { stage: 'failed', note: `${failure.class}: ${failure.reason}` }
  }
  if (view.due || newest === undefined) return { stage: 'queued', note: failure?.reason ?? '' }
  if (verdict === undefined) return { stage: 'trained', note: `version ${newest.version}` }
  return verdict.pass || view.pin !== undefined
    ? stageOfPassing(view, newest.version, verdict.reason)
    : { stage: 'rejected', note: `${verdict.reason}${besides(view.live)}` }
}

const besides = (live: number | undefined): string =>
  live === undefined ? '' : ` (version ${live} is still served)`

function stageOfPassing(view: ModelView, newest: number, reason: string): Staged {
  const { pin, live, candidate, servedBy, elsewhere } = view
  const wanted = pin ?? newest
  // A config is live when the servers of its fleet have confirmed it: that is all there is to go by elsewhere.
  const isServed = elsewhere !== undefined || servedBy.confirmed > 0
  if (live === wanted && candidate === live && isServed) {
    const where =
      elsewhere === undefined ? `on ${describeServing(servedBy)}` : `live in fleet ${elsewhere}`
    return {
      stage: 'served',
      note: `version ${live} ${where}${pin === undefined ? '' : ', pinned'}`,
    }
  }
  if (pin === 'none') return { stage: 'judged', note: 'pinned to none: drover release serves it' }
  // No server confirmed it yet, or none does any more.
  if (candidate === wanted) return { stage: 'published', note: `version ${candidate}` }
  return { stage: 'judged', note: reason }
}

/** What is said of a stage to who waits: of how it ended the result says more. */
export const progressOf = (staged: Staged): string =>
  isSettled(staged) ? staged.stage : `${staged.stage}  ${staged.note}`.trimEnd()

/** Whether nothing more will happen by itself. A model that waits for another try is not settled. */
export function isSettled({ stage }: Staged): boolean {
  return stage === 'served' || stage === 'rejected' || stage === 'failed'
}
