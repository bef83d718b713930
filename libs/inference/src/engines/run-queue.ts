// Answers the calls that come over ports, for the models of one thread: in turn, so that a model
// with many calls waiting does not keep the others from theirs. A model that runs by itself has a
// lane of its own, in which it waits for nobody else.

import type { MessagePort } from 'node:worker_threads'
import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import { type Failure, failureOf } from '../failure.ts'
import type { Engine } from '../servable.ts'
import { fromShared } from './clock.ts'
import {
  type CallHead,
  type Places,
  placesOf,
  readCall,
  readCallHead,
  writeAnswer,
} from './wire.ts'

/** Limits of a queue, and who is told of what runs. */
export interface RunQueueOptions {
  /** Calls of one lane that are given to engines at a time. */
  runsMax: number
  /** Calls of one model that may wait; those beyond are UNAVAILABLE. */
  waitingMax: number
  /** Hears which model is about to run, and 0 after it. */
  onRun?: (model: number) => void
}

/** What a port answers when it is no answer: the call failed. */
export interface CallFailure {
  id: number
  failure: Failure
}

interface Call extends CallHead {
  port: MessagePort
}

interface Lane {
  /** The models with calls waiting; the first is next. */
  turns: Model[]
  running: number
}

interface Model {
  number: number
  lane: Lane
  engine: Engine
  signatures: readonly Places[]
  waiting: Call[]
  running: number
  /** Called when nothing of it runs any more. */
  onIdle: (() => void) | undefined
}

/** The models of one thread and the calls that wait for them. */
export class RunQueue {
  readonly #options: RunQueueOptions
  readonly #models = new Map<number, Model>()
  /** Of all models that have none of their own. */
  readonly #lane = newLane()

  constructor(options: RunQueueOptions) {
    this.#options = options
  }

  /** Answers for a model from now on. */
  add(model: number, engine: Engine, signatures: Readonly<Record<string, SignatureDef>>): void {
    this.#models.set(model, {
      number: model,
      lane: this.#lane,
      engine,
      signatures: placesOf(signatures),
      waiting: [],
      running: 0,
      onIdle: undefined,
    })
  }

  /** Gives a model a lane of its own, with what waits for it, or takes it back to the others. */
  setAlone(number: number, isAlone: boolean): void {
    const model = this.#models.get(number)
    if (model === undefined || (model.lane !== this.#lane) === isAlone) return
    const { turns } = model.lane
    const turn = turns.indexOf(model)
    if (turn >= 0) turns.splice(turn, 1)
    model.lane = isAlone ? newLane() : this.#lane
    if (model.waiting.length > 0) model.lane.turns.push(model)
    this.#next(model.lane)
  }

  /** Refuses what waits for a model, lets what runs end, and gives its memory back. */
  async remove(number: number): Promise<void> {
    const model = this.#models.get(number)
    if (model === undefined) return
    this.#models.delete(number)
    for (const call of model.waiting.splice(0)) fail(call, notHere())
    if (model.running > 0) await new Promise<void>((resolve) => (model.onIdle = resolve))
    await model.engine.close()
  }

  /** Takes a call that came over a port; the answer, or a `CallFailure`, goes back over it. */
  receive(port: MessagePort, buffer: ArrayBuffer): void {
    const call = { port, ...readCallHead(buffer) }
    const model = this.#models.get(call.model)
    if (model === undefined) return fail(call, notHere())
    const { waitingMax } = this.#options
    if (model.waiting.length >= waitingMax)
      return fail(
        call,
        new InferenceError('UNAVAILABLE', `${waitingMax} requests wait for this model already`),
      )
    if (model.waiting.push(call) === 1) model.lane.turns.push(model)
    this.#next(model.lane)
  }

  #next(lane: Lane): void {
    while (lane.running < this.#options.runsMax) {
      const model = lane.turns.shift()
      if (model === undefined) return
      const call = model.waiting.shift()
      if (model.waiting.length > 0) lane.turns.push(model)
      if (call !== undefined) void this.#run(model, call)
    }
  }

  async #run(model: Model, call: Call): Promise<void> {
    const { lane } = model
    lane.running++
    model.running++
    const deadlineMs = fromShared(call.deadline)
    try {
      if (deadlineMs < performance.now())
        throw new InferenceError('TIMEOUT', 'its time was over before its turn came')
      const { signature, inputs, outputs } = readCall(call, model.signatures)
      this.#options.onRun?.(model.number)
      const answers = await model.engine.run(signature.signature, inputs, { outputs, deadlineMs })
      const answer = writeAnswer(call.id, signature, answers)
      call.port.postMessage(answer, [answer])
    } catch (error) {
      fail(call, error)
    } finally {
      this.#options.onRun?.(0)
      lane.running--
      model.running--
      if (model.running === 0) model.onIdle?.()
      this.#next(lane)
    }
  }
}

const newLane = (): Lane => ({ turns: [], running: 0 })

const notHere = (): InferenceError =>
  new InferenceError('UNAVAILABLE', 'the model is not loaded here')

function fail({ id, port }: Call, error: unknown): void {
  port.postMessage({ id, failure: failureOf(error) } satisfies CallFailure)
}
