// The fast engine: text in TypeScript, numbers in onnxruntime, in this process.

import {
  type OnnxModel,
  openTranslation,
  SavedModelError,
  type TranslatedSignature,
  type TranslationData,
} from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import * as ort from 'onnxruntime-node'
import { InferenceError } from './errors.ts'
import { inTermsOf } from './onnx-faults.ts'
import { RunLimits } from './onnx-limits.ts'
import type { Engine, RunOptions } from './servable.ts'

/** Thousands of small models in one process: no threads and no arena for each (probes.md P4). */
const SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  executionMode: 'sequential',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  // Whoever asked gets the error; the log need not have it as well.
  logSeverityLevel: 4,
}

const ORT_TYPES = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_BOOL: 'bool',
} as const

interface Loaded {
  begin: TranslatedSignature['begin']
  /** Undefined when nothing numeric is to be done. */
  opened: Opened | undefined
  outputs: readonly string[]
  /** What the nodes of the ONNX model are made for. */
  sources: readonly string[]
}

interface Opened {
  session: ort.InferenceSession
  limits: RunLimits
}

interface Session extends Opened {
  /** What it was made from; not kept once the model is loaded. */
  bytes: Uint8Array
}

/** Loads a translated model. Throws UNTRANSLATABLE when onnxruntime refuses it. */
export async function openTranslated(translation: TranslationData): Promise<Engine> {
  const { loaded, sessions } = await openSessions(translation)
  return {
    name: 'onnx',
    async run(signature, inputs, options) {
      const found = loaded.get(signature)
      if (found === undefined) throw new InferenceError('UNAVAILABLE', 'the model is closed')
      return await runLoaded(found, inputs, options)
    },
    async close() {
      loaded.clear()
      await releaseAll(sessions)
    },
  }
}

/** The bytes of the ONNX models are not needed any more when it returns. */
async function openSessions(translation: TranslationData) {
  const sessions: Session[] = []
  const loaded = new Map<string, Loaded>()
  try {
    for (const [name, { model, begin }] of Object.entries(
      openTranslation(translation).signatures,
    )) {
      const opened = model && (await openedOf(model, sessions))
      const { outputs = [], sources = [] } = model ?? {}
      loaded.set(name, { begin, opened, outputs, sources })
    }
  } catch (cause) {
    await releaseAll(sessions.map(({ session }) => session))
    // A kernel that onnxruntime lacks: the translation was valid and is of no use.
    throw new InferenceError('UNTRANSLATABLE', 'onnxruntime refused the model', { cause })
  }
  return { loaded, sessions: sessions.map(({ session }) => session) }
}

/** Signatures that differ in their text alone share one session. */
async function openedOf({ bytes, sources }: OnnxModel, sessions: Session[]): Promise<Opened> {
  const shared = sessions.find((each) => Buffer.compare(each.bytes, bytes) === 0)
  if (shared !== undefined) return { session: shared.session, limits: shared.limits }
  const session = await ort.InferenceSession.create(bytes, SESSION_OPTIONS).catch((fault) => {
    throw inTermsOf(sources, fault)
  })
  const limits = new RunLimits(bytes)
  sessions.push({ bytes, session, limits })
  return { session, limits }
}

async function releaseAll(sessions: ort.InferenceSession[]): Promise<void> {
  for (const session of sessions.splice(0)) await session.release()
}

async function runLoaded(
  { begin, opened, outputs, sources }: Loaded,
  inputs: Readonly<Record<string, Tensor>>,
  { deadlineMs }: RunOptions = {},
): Promise<Record<string, Tensor>> {
  try {
    const run = begin(inputs)
    if (opened === undefined) return run.finish({})
    const { session, limits } = opened
    const rounds = limits.check(run.feeds, { sources, deadlineMs })
    const feeds: Record<string, ort.Tensor> = {}
    for (const [name, tensor] of Object.entries(run.feeds)) feeds[name] = toOrt(tensor)
    for (const [name, most] of rounds)
      feeds[name] = new ort.Tensor('int64', BigInt64Array.of(BigInt(most)), [])
    const answers = await session.run(feeds, outputs)
    const tensors = Object.entries(answers).map(([name, answer]) => [name, fromOrt(answer)])
    return run.finish(Object.fromEntries(tensors))
  } catch (cause) {
    if (cause instanceof InferenceError) throw cause
    const isInvalid = cause instanceof SavedModelError && cause.code === 'INVALID_INPUT'
    const code = isInvalid ? 'INVALID_INPUT' : 'RUN_FAILED'
    throw new InferenceError(code, 'the model failed on these inputs', {
      cause: inTermsOf(sources, cause),
    })
  }
}

const isOrt = (tensor: Tensor): tensor is Extract<Tensor, { dtype: keyof typeof ORT_TYPES }> =>
  Object.hasOwn(ORT_TYPES, tensor.dtype)

/** A tensor as onnxruntime takes it. */
export function toOrt(tensor: Tensor): ort.Tensor {
  if (!isOrt(tensor)) throw new InferenceError('RUN_FAILED', `ONNX was given ${tensor.dtype}`)
  return new ort.Tensor(ORT_TYPES[tensor.dtype], tensor.values, tensor.shape)
}

function fromOrt({ data, dims: shape, type }: ort.Tensor): Tensor {
  if (data instanceof Float32Array) return { dtype: 'DT_FLOAT', shape, values: data }
  if (data instanceof Float64Array) return { dtype: 'DT_DOUBLE', shape, values: data }
  if (data instanceof Int32Array) return { dtype: 'DT_INT32', shape, values: data }
  if (data instanceof BigInt64Array) return { dtype: 'DT_INT64', shape, values: data }
  if (data instanceof Uint8Array && type === 'bool')
    return { dtype: 'DT_BOOL', shape, values: data }
  throw new InferenceError('RUN_FAILED', `onnxruntime answered with ${type}`)
}
