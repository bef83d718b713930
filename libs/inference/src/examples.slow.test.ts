// Serialized examples, against TensorFlow: what it answers is answered or refused, what it refuses is refused.

import type { Tensor } from '@drover/serving-api'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import {
  EXAMPLES,
  parserModel,
  parsers as ofExamples,
  serialized,
  WRONG,
} from './sample-examples.ts'
import { faultOf } from './sample-faults.ts'
import { SEQUENCES, sequences, WRONG_SEQUENCES } from './sample-sequences.ts'
import { answerOf } from './sample-single.ts'
import type { Servable } from './servable.ts'

const parsers = { ...ofExamples, sequences }
const isSequence = (signature: string): boolean => signature === 'sequences'

const { tensorflow, folder } = await startAround()
let truths: Servable
let fast: Servable

beforeAll(async () => {
  const directory = await folder.add(parserModel(parsers))
  truths = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  fast = await loadServable(directory, { engine: 'fast' })
})

/** How our answer differs from TensorFlow's; undefined where it does not. */
const faultIn = async (signature: string, x: Tensor): Promise<string | undefined> =>
  faultOf(await answerOf(truths, signature, { x }), await answerOf(fast, signature, { x }))

const isBatch = (signature: string): boolean => !['one', 'single'].includes(signature)
const requestsOf = (signature: string, examples: readonly Uint8Array[]): Tensor[] =>
  isBatch(signature)
    ? [serialized([...examples]), ...examples.map((each) => serialized([each]))]
    : examples.map((each) => serialized([each], []))

test.each(Object.keys(parsers))('%s gives what TensorFlow gives', async (signature) => {
  const [right, wrong] = isSequence(signature) ? [SEQUENCES, WRONG_SEQUENCES] : [EXAMPLES, WRONG]

  for (const x of [...requestsOf(signature, right), ...requestsOf(signature, wrong)])
    expect([x, await faultIn(signature, x)]).toEqual([x, undefined])
  for (const x of requestsOf(signature, right))
    expect(await answerOf(fast, signature, { x })).toBeDefined()
})

test('no examples are answered as by TensorFlow', async () => {
  for (const signature of Object.keys(parsers).filter(isBatch))
    expect(await faultIn(signature, serialized([]))).toBeUndefined()
})

/** Numbers that are the same in every run. */
function* noise(): Generator<number, never> {
  for (let state = 12_345; ;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    yield state >>> 8
  }
}

/** An example with some bytes changed, cut or written twice. */
function mutant(all: readonly Uint8Array[], random: Generator<number, never>): Buffer {
  const next = (below: number): number => random.next().value % below
  const bytes = Buffer.from(all[next(all.length)] ?? [])
  for (let changes = 1 + next(3); changes > 0; changes--) bytes[next(bytes.length)] = next(256)
  const [from, to] = [next(bytes.length), next(bytes.length)]
  const way = next(4)
  if (way === 0) return bytes.subarray(0, from)
  return way === 1 ? Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]) : bytes
}

test(
  'damaged examples are answered as by TensorFlow, or refused',
  { timeout: 120_000 },
  async () => {
    const random = noise()
    const faults: string[] = []
    let answered = 0
    for (let round = 0; round < 3_000; round++) {
      const bytes = mutant(EXAMPLES, random)
      for (const signature of ['batch', 'one']) {
        const x = serialized([bytes], isBatch(signature) ? [1] : [])
        const fault = await faultIn(signature, x)
        if (fault === undefined) answered++
        else if (fault !== 'it is refused')
          faults.push(`${signature} ${fault} ${bytes.toString('hex')}`)
      }
    }

    expect(faults).toEqual([])
    expect(answered).toBeGreaterThan(1_000)
  },
)

test('damaged sequences, at which TensorFlow ends, are answered or refused', async () => {
  const random = noise()
  const answers = { given: 0, refused: 0 }
  for (let round = 0; round < 3_000; round++) {
    const x = serialized([mutant(SEQUENCES, random)])
    if ((await answerOf(fast, 'sequences', { x })) === undefined) answers.refused++
    else answers.given++
  }

  expect(answers.given).toBeGreaterThan(100)
  expect(answers.refused).toBeGreaterThan(100)
})
