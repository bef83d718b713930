// The three methods of the REST API. They run in the thread that listens, or, for large requests, in
// the lane: what is answered and counted is the same.

import {
  classify,
  DEFAULT_SIGNATURE,
  examplesBodySteps,
  type ExamplesRequest,
  fitPredict,
  type Inferring,
  type ModelChoice,
  parseExamplesBody,
  parsePredictBody,
  predictAnswerSteps,
  predictBodySteps,
  regress,
  type RunSignature,
  ServingError,
  type SignatureDef,
  sizeOf,
  type StatusCode,
  type Tensor,
  writeClassifyAnswer,
  writePredictAnswer,
  writeRegressAnswer,
} from '@drover/serving-api'
import type { Core, Found, LaneRequest, Observation, RestMethod } from '../serving/core.ts'

/** Bytes of text that take as long to write as a number. */
const TEXT_BYTES_A_VALUE = 32

/** Values that one request may bring, over all its inputs; beyond it 400. */
const NUMBERS_MAX = 32_000_000
const TEXTS_MAX = 2_000_000

/** A POST of the API with its body. */
export type Post = Omit<LaneRequest, 'signal'> & { method: RestMethod; model: ModelChoice }

/** A value, or a promise of it where it cannot be had at once: a promise costs as much as a small body. */
export type Soon<T> = T | Promise<T>

/** More values than may be written in this thread: the request belongs into the lane. */
export class LongAnswer extends Error {
  override readonly name = 'LongAnswer'
}

/** What answers in one thread. */
export interface Answering {
  core: Core
  /** Values of an answer that are written in this thread; more hold its loop for too long. */
  valuesMax: number
  /** `--enable_signature_method_name_check`: whether a signature must be of the method that is asked. */
  checksMethodNames: boolean
  /** How the lane takes the steps of long work; undefined where short requests are answered at once. */
  slices?: Slices | undefined
}

/** Takes all steps, with others having their turn between. Throws once that is not worth going on. */
export type Slices = <T>(steps: Iterator<unknown, T>) => Promise<T>

/** Answers in this thread and counts it. Throws `ServingError`, and `LongAnswer` uncounted. */
export function answerHere(answering: Answering, post: Post): Soon<Uint8Array> {
  const { method, model } = post
  return counted(answering.core, { name: model.name, api: method }, () => ask(answering, post))
}

/** Counts what is made, be it good or thrown. */
export function counted<T>(
  core: Core,
  what: Pick<Observation, 'name' | 'api'>,
  make: () => Soon<T>,
): Soon<T> {
  const startMs = performance.now()
  try {
    const made = make()
    if (made instanceof Promise) return countLater(core, what, { made, startMs })
    count(core, what, { code: 'OK', startMs })
    return made
  } catch (error) {
    count(core, what, { code: codeOf(error), startMs })
    throw error
  }
}

async function countLater<T>(
  core: Core,
  what: Pick<Observation, 'name' | 'api'>,
  { made, startMs }: { made: Promise<T>; startMs: number },
): Promise<T> {
  try {
    const value = await made
    count(core, what, { code: 'OK', startMs })
    return value
  } catch (error) {
    count(core, what, { code: codeOf(error), startMs })
    throw error
  }
}

/** See `Core.wait`; counts what is refused. */
export function waitFor(core: Core, what: Pick<Observation, 'name' | 'api'>): () => void {
  const startMs = performance.now()
  try {
    return core.wait(what.name ?? '')
  } catch (error) {
    count(core, what, { code: codeOf(error), startMs })
    throw error
  }
}

/** Undefined for what will be answered, and counted, elsewhere. */
function codeOf(error: unknown): StatusCode | undefined {
  if (error instanceof LongAnswer) return undefined
  return error instanceof ServingError ? error.code : 'INTERNAL'
}

function count(
  core: Core,
  { name, api }: Pick<Observation, 'name' | 'api'>,
  { code, startMs }: { code: Observation['code'] | undefined; startMs: number },
): void {
  if (code === undefined) return
  core.observe({ name, entrypoint: 'REST', api, code, latencyMs: performance.now() - startMs })
}

function ask(answering: Answering, post: Post): Soon<Uint8Array> {
  switch (post.method) {
    case 'predict':
      return answering.slices === undefined
        ? predict(answering, post)
        : predictInSlices(answering, post, answering.slices)
    case 'classify':
      return infer(answering, post, async (model, asked) =>
        writeClassifyAnswer(await classify(model, asked)),
      )
    case 'regress':
      return infer(answering, post, async (model, asked) =>
        writeRegressAnswer(await regress(model, asked)),
      )
  }
}

/** Calls with the value: at once if it is there. */
export function whenThere<T, U>(value: Soon<T>, use: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(use) : use(value)
}

function predict(
  { core, valuesMax, checksMethodNames }: Answering,
  { model, body, deadlineMs }: Post,
): Soon<Uint8Array> {
  // Upstream looks the model up after it has read the outer part and before it reads the values.
  const asked = parsePredictBody(body)
  return whenThere(core.find(model), (found) => {
    const name = asked.signatureName || DEFAULT_SIGNATURE
    const signature = signatureOf(found, name)
    const { format, inputs } = asked.readInputs(signature.inputs, {
      valuesMax: readMaxOf(signature),
    })
    if (checksMethodNames) fitPredict(signature, { inputs }, { checkMethodName: true })
    return whenThere(
      core.run(found, { api: 'predict', signature: name, inputs, deadlineMs }),
      (outputs) => {
        check(outputs, valuesMax)
        return writePredictAnswer(outputs, format)
      },
    )
  })
}

/** The same in the same order. */
async function predictInSlices(
  { core, checksMethodNames }: Answering,
  { model, body, deadlineMs }: Post,
  take: Slices,
): Promise<Uint8Array> {
  const asked = await take(predictBodySteps(body))
  const found = await core.find(model)
  const name = asked.signatureName || DEFAULT_SIGNATURE
  const signature = signatureOf(found, name)
  const { format, inputs } = await take(
    asked.readSteps(signature.inputs, { valuesMax: readMaxOf(signature) }),
  )
  if (checksMethodNames) fitPredict(signature, { inputs }, { checkMethodName: true })
  const outputs = await core.run(found, { api: 'predict', signature: name, inputs, deadlineMs })
  return await take(predictAnswerSteps(outputs, format))
}

/** Texts take many times the memory of what they were sent as. */
function readMaxOf({ inputs }: SignatureDef): number {
  const isText = Object.values(inputs).some(({ dtype }) => dtype === 'DT_STRING')
  return isText ? TEXTS_MAX : NUMBERS_MAX
}

async function infer(
  { core, valuesMax, checksMethodNames, slices }: Answering,
  { method, model, body, deadlineMs }: Post,
  answer: (model: Inferring, asked: ExamplesRequest) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  // Here upstream reads all of the body before it looks the model up.
  const asked =
    slices === undefined ? parseExamplesBody(body) : await slices(examplesBodySteps(body))
  const found = await core.find(model)
  const run: RunSignature = async (call) => {
    const outputs = await core.run(found, { ...call, api: method, deadlineMs })
    check(outputs, valuesMax)
    return outputs
  }
  const { signatures } = found
  return await answer({ signatures, run, checkMethodName: checksMethodNames }, asked)
}

function signatureOf({ signatures }: Found, name: string): SignatureDef {
  const signature = Object.hasOwn(signatures, name) ? signatures[name] : undefined
  if (signature === undefined)
    throw new ServingError(
      'INVALID_ARGUMENT',
      `Serving signature name: "${name}" not found in signature def`,
    )
  return signature
}

/** Throws LongAnswer. */
function check(outputs: Readonly<Record<string, Tensor>>, valuesMax: number): void {
  let values = 0
  for (const tensor of Object.values(outputs)) {
    values += sizeOf(tensor.shape)
    if (tensor.dtype !== 'DT_STRING' || values > valuesMax) continue
    for (const { length } of tensor.values) values += length / TEXT_BYTES_A_VALUE
  }
  if (values > valuesMax) throw new LongAnswer()
}
