// What is wrong with what fast engines answer to cases of single operations, beside what TensorFlow answers.

import { sizeOf } from '@drover/serving-api'
import { loadServable } from './load.ts'
import type { startFolder } from './sample-folder.ts'
import {
  type Answer,
  answerOf,
  differenceOf,
  forKernels,
  inputsOf,
  nameOf,
} from './sample-single.ts'
import type { Case } from './sample-slices.ts'
import type { Servable } from './servable.ts'
import type { TensorflowHost } from './tensorflow-host.ts'

/** A model has no more than 1000 signatures. */
const PART = 500

/** As many cases at a time as fit into one model. */
export const partsOf = <T>(all: readonly T[], most = PART): T[][] =>
  Array.from({ length: Math.ceil(all.length / most) }, (_, index) =>
    all.slice(index * most, (index + 1) * most),
  )

/** Where models are put and who answers first. */
export interface Around {
  folder: Awaited<ReturnType<typeof startFolder>>
  tensorflow: TensorflowHost
}

interface Judge {
  /** Whether a fast engine may refuse what TensorFlow answers. */
  mayRefuse?: (op: string) => boolean
  /** What is wrong with an answer to a case; undefined where nothing is. */
  judge?: (
    each: Case,
    expected: Answer | undefined,
    answer: Answer | undefined,
  ) => string | undefined
}

/** All that is wrong with what fast engines answer; the model has a signature for each case. */
export async function faultsOf(
  all: readonly Case[],
  bytes: Uint8Array,
  {
    folder,
    tensorflow,
    mayRefuse = () => false,
    judge = ({ op }, expected, answer) =>
      faultOf(expected, answer, mayRefuse(op) || isEmpty(expected)),
  }: Around & Judge,
): Promise<string[]> {
  const directory = await folder.add(bytes)
  const truths = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  const fast: Record<string, Servable> = {
    onnx: await loadServable(directory, { engine: 'onnx', tensorflow }),
    kernel: await loadServable(await folder.add(forKernels(bytes)), { engine: 'fast' }),
  }
  const faults: string[] = []
  for (const [index, each] of all.entries()) {
    const name = nameOf(each, index)
    const inputs = inputsOf(each)
    const expected = await answerOf(truths, name, inputs)
    for (const [engine, servable] of Object.entries(fast)) {
      if (!(name in servable.signatures)) continue
      const answer = await answerOf(servable, name, inputs)
      const fault = judge(each, expected, answer)
      if (fault !== undefined) faults.push(`${engine}, ${name}: ${fault}`)
    }
  }
  for (const servable of [truths, ...Object.values(fast)]) await servable.close()
  return faults
}

const isEmpty = (answer: Answer = {}): boolean =>
  Object.values(answer).every(({ shape }) => sizeOf(shape) === 0)

/** What is wrong with an answer; undefined where nothing is. */
export function faultOf(
  expected: Answer | undefined,
  answer: Answer | undefined,
  mayRefuse = false,
): string | undefined {
  if (expected === undefined) return answer && 'TensorFlow refuses it'
  if (answer !== undefined) return differenceOf(expected, answer)
  return mayRefuse ? undefined : 'it is refused'
}
