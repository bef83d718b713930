// Whether requests that are run in parts are answered as whole ones are, on graphs by chance.

import { isDeepStrictEqual } from 'node:util'
import {
  type Division,
  PART_NS_MAX,
  type Plan,
  readSavedModel,
  type SavedModel,
  SavedModelError,
  writeSavedModel,
} from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { InferenceError } from './errors.ts'
import { Answer as Joined } from './kernel/answer.ts'
import { compileKernels } from './kernel/compile.ts'
import { openDescription } from './kernel/description.ts'
import { runnerOf } from './kernel/engine.ts'
import { KernelMemory } from './kernel/memory.ts'
import { openSlab } from './kernel/slab.ts'
import { partsOf, Slices } from './kernel/slices.ts'
import { type RandomGraph, SIGNATURE } from './random-draft.ts'
import type { Around } from './sample-faults.ts'
import { loadedFrom } from './random-loads.ts'
import { type Answer, answerOf, differenceOf, hasKernels } from './sample-single.ts'
import type { Tensors } from './servable.ts'

const memory = new KernelMemory()
/** How many rows, or elements, a part has. */
const SIZES = [1, 2, 3]

/** What was found of many graphs. */
interface Survey {
  /** How many signatures were run in parts. */
  counts: Record<Division['by'], number>
  /** Which operations were in them. */
  ops: ReadonlySet<string>
  /** What is wrong with the simplest graph that shows it; undefined where nothing is. */
  fault: string | undefined
}

/** A signature of which kernels say that it may be run in parts. */
interface Proven {
  name: string
  plan: Plan
  division: Division
  parts: number
}

interface Judge {
  graphs: fc.Arbitrary<RandomGraph>
  /** What is wrong with a signature, beside what it answers whole. */
  judge: (signature: Proven, graph: Divided) => Promise<string[]> | string[]
}

/** A graph with a signature for each tensor that kernels come to. */
interface Divided {
  model: SavedModel
  inputs: Readonly<Tensors>
}

/** Judges graphs by chance; ends at the first that is wrong, and makes it simpler. */
export async function surveyParts(
  { graphs, judge }: Judge,
  asked: { seed: number; numRuns: number },
): Promise<Survey> {
  const counts: Survey['counts'] = { rows: 0, elements: 0, nothing: 0 }
  const ops = new Set<string>()
  const property = fc.asyncProperty(graphs, async (graph) => {
    const faults = await withProven(graph, async (found, divided) => {
      const all: string[] = []
      for (const each of found) {
        counts[each.division.by]++
        for (const fault of await judge(each, divided)) all.push(`${each.name} ${fault}`)
      }
      return all
    })
    for (const op of graph.ops) ops.add(op)
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })
  const found = await fc.check(property, asked)
  const [graph] = found.counterexample ?? []
  const { errorInstance: error } = found
  const reason = error instanceof Error ? error.message : String(error)
  return { counts, ops, fault: graph && `seed ${asked.seed}: ${reason}\n${graph.listing}` }
}

/** Each output by itself, so that what is no division of one does not keep others from theirs. */
function apart({ signatures, ...model }: SavedModel): SavedModel {
  const { [SIGNATURE]: all } = signatures
  const one = Object.entries(all?.outputs ?? {}).flatMap(([alias, info]) =>
    all === undefined ? [] : [[alias, { ...all, outputs: { [alias]: info } }] as const],
  )
  const whole = { ...model, signatures: Object.fromEntries(one) }
  const taken = one.filter(([name]) => hasKernels(whole, name))
  return { ...model, signatures: Object.fromEntries(taken) }
}

async function withProven(
  { bytes, inputs }: RandomGraph,
  use: (found: readonly Proven[], graph: Divided) => Promise<string[]>,
): Promise<string[]> {
  const model = apart(readSavedModel(bytes))
  const compiled = compileKernels(model, memory)
  if ('reason' in compiled) return []
  const { at, slab, description } = compiled.message
  const { stored } = openDescription(description)
  const found = Object.keys(model.signatures).flatMap((name): Proven[] => {
    const runner = runnerOf(name, stored, { slab: openSlab(slab), at })
    const parts = partsOf(runner.division, inputs)
    return parts === undefined || parts < 2 ? [] : [{ name, ...runner, parts }]
  })
  try {
    return await use(found, { model, inputs })
  } finally {
    compiled.free()
  }
}

/** By kernels, as a request is run that takes so long that a slice has no more than a few parts. */
export const bySlices: Judge['judge'] = ({ plan, division, parts }, { inputs }) => {
  const whole = unlessRefused(() => {
    const slots = plan.start(inputs)
    plan.run(slots)
    return plan.finish(slots)
  })
  return SIZES.flatMap((size) => {
    const slow = { ...division, partNs: PART_NS_MAX / 4 / size }
    const parted = unlessRefused(() => {
      const slices = new Slices({ plan, division: slow }, inputs, { parts, outputs: undefined })
      try {
        while (!slices.isDone) slices.work()
        return slices.finish()
      } finally {
        slices.close()
      }
    })
    const fault = faultOf(whole, parted)
    return fault === undefined ? [] : [`by ${size}: ${fault}`]
  })
}

function unlessRefused(run: () => Answer): Answer | undefined {
  try {
    return run()
  } catch (error) {
    const isRefusal = error instanceof SavedModelError || error instanceof InferenceError
    if (isRefusal && error.code === 'INVALID_INPUT') return undefined
    throw error
  }
}

function faultOf(whole: Answer | undefined, parted: Answer | undefined): string | undefined {
  if (whole === undefined) return parted && 'only the whole is refused'
  if (parted === undefined) return 'only parts are refused'
  return isDeepStrictEqual(whole, parted) ? undefined : differenceOf(whole, parted)
}

/** By onnxruntime, one request for each row. */
export const byRequests =
  ({ folder, tensorflow }: Around): Judge['judge'] =>
  async ({ name, division, parts }, { model, inputs }) => {
    const { [name]: signature } = model.signatures
    // What was read of functions is not enough to write them again.
    if (division.by !== 'rows' || signature === undefined || (model.graph.functions?.size ?? 0) > 0)
      return []
    const only = { graph: model.graph, signatures: { [name]: signature } }
    const directory = await folder.add(writeSavedModel(only))
    const servable = await loadedFrom(directory, 'onnx', tensorflow)
    if (servable === undefined) return []
    const whole = await answerOf(servable, name, inputs)
    const joined = new Joined(division, { parts, shape: undefined, outputs: undefined })
    let isRefused = false
    for (let row = 0; row < parts; row++) {
      const answer = await answerOf(servable, name, rowOf(inputs, division, row))
      if (answer === undefined) isRefused = true
      else joined.add(answer, row)
    }
    joined.close()
    await servable.close()
    const fault = faultOf(whole, isRefused ? undefined : joined.tensors)
    return fault === undefined ? [] : [`by ${servable.engine}: ${fault}`]
  }

function rowOf(inputs: Readonly<Tensors>, { sliced }: Division, row: number): Tensors {
  const part = Object.fromEntries(
    sliced.flatMap(({ alias, inner }) => {
      const tensor = inputs[alias]
      return tensor === undefined ? [] : [[alias, takenFrom(tensor, row, inner)]]
    }),
  )
  return { ...inputs, ...part }
}

function takenFrom(tensor: Tensor, row: number, inner: readonly number[]): Tensor {
  const width = inner.reduce((product, size) => product * size, 1)
  const values = tensor.values.slice(row * width, (row + 1) * width)
  // The same type of array as before.
  return Object.assign({ ...tensor }, { shape: [1, ...inner], values })
}
