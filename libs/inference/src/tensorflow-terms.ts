// What processes of TensorFlow are told, and what they tell.

import type { ChildEnd } from './child.ts'
import type { InferenceError } from './errors.ts'
import type { HostRequest } from './messages.ts'
import type { Stamps } from './model-folder.ts'

/** Limits of a process. */
export interface ProcessLimits {
  /** How long one model may take to load. */
  loadTimeoutMs: number
  /** How long a run without a deadline may take. */
  runTimeoutMs: number
  /** The process is killed over no run that is shorter than this, even if its deadline is. */
  runLimitMs: number
  /** But over one that others have waited for so long, to be run again by itself. */
  holdLimitMs: number
  /** More requests than this are refused as UNAVAILABLE. */
  waitingMax: number
}

/**
 * What a model did to those beside it: its runs kept them waiting much, one did so after its time, or
 * ended the process.
 */
export type Offence = 'heldUp' | 'overran' | 'ended'

/** The end of a process that nobody wanted to end. */
export interface ProcessEnd extends ChildEnd {
  /** Of the model that it was loading or running. */
  directory: string | undefined
}

/** Who is told of what the models do. */
export interface ProcessEvents {
  /** May take the model away from the process at once. */
  onOffence(model: number, offence: Offence): void
  /** The model ended the process when it was loaded again, or could not be: it is left out from now on. */
  onLost(model: number, error: InferenceError): void
  onEnd(end: ProcessEnd): void
}

/** Others had waited too long for this run: it goes on where its model is by then. */
export class Evicted extends Error {
  override readonly name = 'Evicted'
}

/** Where a model comes from. */
export interface ModelSource {
  readonly directory: string
  readonly tags: readonly string[]
  /** Its variables change as it runs, and to load it anew undoes that. */
  readonly keepsState: boolean
  /** TensorFlow by itself leaves some of them without values. */
  readonly needsMending: boolean
  /** Of the files that were checked: TensorFlow is to have read the same. */
  readonly stamps: Stamps
}

/** A run in the graph's own names. */
export type RunCall = Pick<Extract<HostRequest, { kind: 'run' }>, 'inputs' | 'outputs'>

/** Asks a process to load a model. */
export const loadRequest = (
  model: number,
  { directory, tags, needsMending, stamps }: ModelSource,
): HostRequest => ({
  kind: 'load',
  model,
  directory,
  tags: [...tags],
  needsMending,
  stamps,
})
