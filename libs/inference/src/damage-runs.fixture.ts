// Damaged files of a small model, loaded and asked as a server would: answered all the same or refused with
// a name, soon, and with little memory.

import {
  attr,
  GraphBuilder,
  PREDICT_METHOD,
  VariableBuilder,
  writeSavedModel,
} from '@drover/saved-model'
import { reasonOf } from '@drover/basics'
import { compareAnswers, floatTensor, TOLERANCE } from '@drover/serving-api'
import { cut, flipped, MS_MAX } from './damage.fixture.ts'
import { InferenceError } from './errors.ts'
import { passedOverBy } from './choice.ts'
import { chooseHere, openFast } from './fast-engine.ts'
import { decodeModel, type ModelBytes } from './model-files.ts'
import { info } from './sample-models.ts'
import { type Engine, type Servable, servableOf, type Tensors } from './servable.ts'

const GRAPH = 'saved_model.pb'
const BITS = 8
/** At each offset a file may end, or one of its bits be turned. */
const KINDS = BITS + 1
const X = floatTensor([1, 0, 0, 0, 1, 0], [2, 3])
/** What the whole model makes of it. */
const Y = floatTensor([0.8, 1, 1, 1.2].map(Math.tanh), [2, 2])

type Files = ReadonlyMap<string, Uint8Array>

/** One way to damage one file. */
export interface Mutation {
  path: string
  /** Where it ends, or which bit is turned. */
  at: number
  isCut: boolean
}

/** What becomes of a damaged model. */
export type Outcome =
  | 'answered'
  | 'answered otherwise'
  | 'refused'
  | 'request refused'
  | 'for TensorFlow'

/** A layer whose weights are variables: each kind of file there is. */
export function wholeFiles(): Files {
  const to = new GraphBuilder()
  const variables = new VariableBuilder(to)
  const T = { T: attr.type('DT_FLOAT') }
  to.add('Placeholder', 'x', [], { dtype: T.T, shape: attr.shape([-1, 3]) })
  const weights = variables.add('w', floatTensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [3, 2]))
  const bias = variables.add('b', floatTensor([0.7, 0.8]))
  to.add('MatMul', 'product', ['x', weights], T)
  to.add('BiasAdd', 'sum', ['product', bias], T)
  to.add('Tanh', 'y', ['sum'], T)
  const inputs = { x: info('x:0', 'DT_FLOAT', [-1, 3]) }
  const outputs = { y: info('y:0', 'DT_FLOAT', [-1, 2]) }
  const signatures = { serving_default: { methodName: PREDICT_METHOD, inputs, outputs } }
  const { saver, files } = variables.finish()
  const graph = writeSavedModel({ graph: to.build(), signatures, saver })
  return new Map([[GRAPH, graph], ...files])
}

/** So many ways to damage files, spread over every offset: each is cut at, and has its bits turned. */
export function mutationsOf(files: Files, count: number): Mutation[] {
  const all = [...files].flatMap(([path, { length }]) =>
    Array.from({ length: length * KINDS }, (_, place) => {
      const [offset, kind] = [Math.floor(place / KINDS), place % KINDS]
      const isCut = kind === BITS
      return { path, isCut, at: isCut ? offset : offset * BITS + kind }
    }),
  )
  const some = Math.min(count, all.length)
  return Array.from({ length: some }, (_, at) => all[Math.floor((at * all.length) / some)]).filter(
    (each) => each !== undefined,
  )
}

/** The files with one of them damaged. */
export function damaged(files: Files, { path, at, isCut }: Mutation): Files {
  const whole = files.get(path) ?? new Uint8Array()
  return new Map([...files, [path, isCut ? cut(whole, at) : flipped(whole, at)]])
}

/** What becomes of them, and what they answer where they do. */
interface Found {
  outcome: Outcome
  answers?: Tensors
  /** Why a request is refused. */
  reason?: string
}

/**
 * What becomes of such files in a fast engine. Throws what ought not to have happened, and for what took
 * too long.
 */
export async function outcomeOf(files: Files, engine: 'auto' | 'onnx'): Promise<Outcome> {
  return (await foundOf(files, engine)).outcome
}

/** The same with the answers. */
export async function foundOf(files: Files, engine: 'auto' | 'onnx'): Promise<Found> {
  const start = process.cpuUsage()
  const found = await loadedAndAsked(files, engine)
  const spentMs = process.cpuUsage(start).user / 1_000
  if (spentMs > MS_MAX) throw new Error(`it took ${spentMs} ms`)
  return found
}

async function loadedAndAsked(files: Files, asked: 'auto' | 'onnx'): Promise<Found> {
  let opened: Awaited<ReturnType<typeof open>>
  try {
    opened = await open(files, asked)
  } catch (error) {
    if (isRefusal(error, 'LOAD_FAILED')) return { outcome: 'refused' }
    throw error
  }
  if (opened === undefined) return { outcome: 'for TensorFlow' }
  const { engine, savedModel } = opened
  const servable = servableOf(engine, savedModel.signatures, 0)
  try {
    const answers = await ask(servable)
    const { agreement } = compareAnswers({ y: Y }, answers, TOLERANCE.engines)
    return { outcome: agreement === 'differs' ? 'answered otherwise' : 'answered', answers }
  } catch (error) {
    if (isRefusal(error, 'INVALID_INPUT', 'RUN_FAILED'))
      return { outcome: 'request refused', reason: reasonOf(error) }
    throw error
  } finally {
    await servable.close()
  }
}

/** What a model answers to the request of all these tests. */
export async function ask(servable: Pick<Servable, 'run'>): Promise<Tensors> {
  const { y } = await servable.run('serving_default', { x: X }, { outputs: ['y'] })
  return y === undefined ? {} : { y }
}

const isRefusal = (error: unknown, ...codes: InferenceError['code'][]): boolean =>
  error instanceof InferenceError && codes.includes(error.code)

/** The model in the engine that `load.ts` would take; undefined where that is TensorFlow. */
async function open(files: Files, asked: 'auto' | 'onnx') {
  const { savedModel } = decodeModel('/model', bytesOf(files))
  let engine: Engine
  try {
    const choice = chooseHere(savedModel, asked)
    if (choice.engine === 'tensorflow') return undefined
    engine = await openFast(choice)
  } catch (error) {
    passedOverBy(error, 'auto')
    return undefined
  }
  return { engine, savedModel }
}

/** What is read of a folder with these files. */
export function bytesOf(files: Files): ModelBytes {
  const others = [...files].flatMap(([path, bytes]) =>
    path === GRAPH ? [] : [[path, new Uint8Array(bytes)] as const],
  )
  return {
    graph: new Uint8Array(files.get(GRAPH) ?? []),
    isText: false,
    sizeBytes: [...files.values()].reduce((sum, { length }) => sum + length, 0),
    files: others.map(([path]) => path),
    unread: [],
    unreadBytes: 0,
    stamps: new Map(),
    checkpoint: new Map(others),
    assets: new Map(),
  }
}
