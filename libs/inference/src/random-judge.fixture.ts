// Whether the engines agree on a graph by chance.

import fc from 'fast-check'
import { reasonOf } from '@drover/basics'
import { loadedFrom } from './random-loads.ts'
import { type RandomGraph, SIGNATURE } from './random-draft.ts'
import { randomGraph } from './random-graphs.fixture.ts'
import { type Around, faultOf } from './sample-faults.ts'
import { answerOf } from './sample-single.ts'
import type { EngineName, Servable, Tensors } from './servable.ts'
import type { TensorflowHost } from './tensorflow-host.ts'

/** What was found of many graphs. */
interface Survey {
  /** How many each engine ran, and how many TensorFlow answered. */
  counts: Record<EngineName, number>
  /** What is wrong with the simplest graph that shows it; undefined where nothing is. */
  fault: string | undefined
}

/** Judges graphs by chance, the same ones for the same seed; ends at the first that is wrong, and makes it simpler. */
export async function survey(
  { seed, graphs }: { seed: number; graphs: number },
  around: Around,
): Promise<Survey> {
  const counts: Survey['counts'] = { kernel: 0, onnx: 0, tensorflow: 0 }
  const property = fc.asyncProperty(randomGraph, async (graph) => {
    const { ran, faults, isAnswered } = await judge(graph, around)
    for (const engine of ran) counts[engine]++
    if (isAnswered) counts.tensorflow++
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })
  const found = await fc.check(property, { seed, numRuns: graphs })
  const [graph] = found.counterexample ?? []
  const { errorInstance: error } = found
  const fault = graph && `seed ${seed}: ${reasonOf(error)}\n${graph.listing}`
  return { counts, fault }
}

/** What was found of one graph. */
interface Judgement {
  /** The engines that ran it beside TensorFlow. */
  ran: readonly EngineName[]
  /** What they answered otherwise than TensorFlow. */
  faults: readonly string[]
  /** Whether TensorFlow answered at all; it may refuse what a graph by chance does. */
  isAnswered: boolean
}

const MEASURES = /= (Rank|Shape|Size|OnesLike|ZerosLike)\(/

/** Runs it in every engine that takes it, and by TensorFlow; with as many rows as it says, and with others. */
async function judge(graph: RandomGraph, { tensorflow, folder }: Around): Promise<Judgement> {
  const directory = await folder.add(graph.bytes)
  const truths = await loadedFrom(directory, 'tensorflow', tensorflow)
  // Some of what goes wrong with sizes of 0 is seen at the load: that is no graph.
  if (truths === undefined) return { ran: [], faults: [], isAnswered: false }
  const fast = await fastOnes(directory, tensorflow)
  const faults: string[] = []
  let isAnswered = false
  for (const inputs of [graph.inputs, graph.others]) {
    const expected = await answerOf(truths, SIGNATURE, inputs)
    isAnswered ||= expected !== undefined
    for (const servable of fast) {
      const answer = await answerOf(servable, SIGNATURE, inputs)
      // A step may fail whose result nobody needs but its rank or size, TensorFlow leaves it out; and one
      // whose result is empty, such as that of a division by zero.
      const isEmpty = Object.values(expected ?? {}).some(({ values }) => values.length === 0)
      const mayRefuse = inputs === graph.others || isEmpty || MEASURES.test(graph.listing)
      const fault = faultOf(expected, answer, mayRefuse)
      if (fault !== undefined)
        faults.push(`${servable.engine}: ${fault}, asked with ${shapesOf(inputs)}`)
    }
  }
  for (const servable of [truths, ...fast]) await servable.close()
  return { ran: fast.map(({ engine }) => engine), faults, isAnswered }
}

/** The graph in every fast engine that takes it. */
async function fastOnes(directory: string, tensorflow: TensorflowHost): Promise<Servable[]> {
  const fast: Servable[] = []
  for (const engine of ['fast', 'onnx'] as const) {
    const servable = await loadedFrom(directory, engine, tensorflow)
    if (servable !== undefined && !fast.some((each) => each.engine === servable.engine))
      fast.push(servable)
  }
  return fast
}

const shapesOf = (inputs: Readonly<Tensors>): string =>
  Object.entries(inputs)
    .map(([name, { shape }]) => `${name} [${shape.join(', ')}]`)
    .join(', ')
