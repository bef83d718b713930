// Whether the engines agree on a graph by chance.

import fc from 'fast-check'
import { reasonOf } from '@drover/basics'
import type { InferenceError } from './errors.ts'
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

/** TensorFlow takes rows that end before the values do, and leaves out what is behind them. */
const SHORT_SPLITS = 'the splits do not divide the values'

/** Runs it in every engine that takes it, and by TensorFlow; with as many rows as it says, and with others. */
async function judge(graph: RandomGraph, around: Around): Promise<Judgement> {
  const { tensorflow, folder } = around
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
      let refusal: InferenceError | undefined
      const answer = await answerOf(servable, SIGNATURE, inputs, (error) => (refusal = error))
      const mayRefuse = refusal && isOfNothing(graph, reasonOf(refusal))
      const fault = faultOf(expected, answer, mayRefuse)
      if (fault !== undefined && !(await isWhollyRefused(graph, inputs, around)))
        faults.push(`${servable.engine}: ${fault}, asked with ${shapesOf(inputs)}`)
    }
  }
  for (const servable of [truths, ...fast]) await servable.close()
  return { ran: fast.map(({ engine }) => engine), faults, isAnswered }
}

/** Whether a fast engine refuses, by a step whose result is empty, or such rows, what TensorFlow makes nothing of. */
function isOfNothing({ listing }: RandomGraph, reason: string): boolean {
  const [, failed = ''] = /\(node ([^)/]+)/.exec(reason) ?? []
  const isEmpty = new RegExp(`^${failed} = .*\\[([1-9]\\d*, )*0[,\\]]`, 'm').test(listing)
  return (failed !== '' && isEmpty) || reason.endsWith(SHORT_SPLITS)
}

/**
 * Whether TensorFlow refuses it where every tensor is asked for. Otherwise it leaves out what nobody needs, or needs
 * the rank of alone, and takes for known what such a step says of sizes: its answers are not to be relied on.
 */
async function isWhollyRefused(
  { whole }: RandomGraph,
  inputs: Readonly<Tensors>,
  { tensorflow, folder }: Around,
): Promise<boolean> {
  const servable = await loadedFrom(await folder.add(whole()), 'tensorflow', tensorflow)
  const answer = servable && (await answerOf(servable, SIGNATURE, inputs))
  await servable?.close()
  return answer === undefined
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
