// Graphs by chance, for the tests of this lib: from the numbers that fast-check draws and shrinks.

import { floatTensor, sizeOf, stringTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { Draft, type RandomGraph, type Span, whole, type Wire } from './random-draft.ts'
import { type Drafting, floatDraftings } from './random-floats.ts'
import { integerDraftings, integersOf } from './random-integers.ts'
import { placeDraftings } from './random-places.ts'
import { shapeDraftings } from './random-shapes.ts'
import { sumDraftings } from './random-sums.ts'
import { textDraftings } from './random-texts.ts'
import { bool, double } from './sample-tensors.ts'

const STEPS_MIN = 3
const STEPS_MAX = 25
const INPUTS_MAX = 4
const PICKS = 10
const WORDS = ['a', 'B c', '', 'straße ÀÉ', ' x\ty ', '12 a', 'ﬁz', 'aaa-b']

const families: readonly (readonly Drafting[])[] = [
  floatDraftings,
  placeDraftings,
  shapeDraftings,
  integerDraftings,
  sumDraftings,
  textDraftings,
].map((each) => Object.values(each))

/** All operations that such graphs may have. */
const draftings: readonly Drafting[] = families.flat()

const shapes: readonly [number[], ...number[][]] = [
  [2, 3],
  [],
  [1],
  [3],
  [2, 1],
  [1, 3],
  [0, 3],
  [2, 3, 2],
  [2, 2, 3, 1],
  [0],
  [4, 2],
]
const types = ['DT_FLOAT', 'DT_INT32', 'DT_INT64', 'DT_STRING', 'DT_BOOL', 'DT_DOUBLE'] as const

type Feed = Pick<Wire, keyof Span | 'isNumeral'> & { of: (shape: readonly number[]) => Tensor }

/** Values of a type for any shape, and what may be said of them. */
function feedOf(draft: Draft): Feed {
  const dtype = draft.from(types)
  const from = draft.below(7)
  const isNatural = draft.chance(2)
  const drawn = (shape: readonly number[]) =>
    Array.from({ length: sizeOf(shape) }, (_, at) => ((at + from) * 5) % 17)
  switch (dtype) {
    case 'DT_STRING': {
      const text = (each: number) =>
        isNatural ? `${each - 8}` : (WORDS[each % WORDS.length] ?? '')
      const of: Feed['of'] = (shape) => stringTensor(drawn(shape).map(text), [...shape])
      return { of, ...whole(-8, 8), isNumeral: isNatural }
    }
    case 'DT_BOOL':
      return {
        of: (shape) =>
          bool(
            drawn(shape).map((each) => each % 2),
            [...shape],
          ),
        ...whole(0, 1),
      }
    case 'DT_INT32':
    case 'DT_INT64': {
      const number = (each: number) => (isNatural ? each % 3 : each - 8)
      const of: Feed['of'] = (shape) => integersOf(dtype, drawn(shape).map(number), shape)
      return { of, ...(isNatural ? whole(0, 2) : whole(-8, 8)) }
    }
    case 'DT_FLOAT':
    case 'DT_DOUBLE': {
      const make = dtype === 'DT_FLOAT' ? floatTensor : double
      const of: Feed['of'] = (shape) =>
        make(
          drawn(shape).map((each) => (each - 8) / 4),
          [...shape],
        )
      return { of, low: -2, high: 2, grid: 2, error: 0 }
    }
  }
}

const picks = fc.array(fc.nat({ max: 999 }), { minLength: PICKS, maxLength: PICKS })
const step = fc.record({ op: fc.nat({ max: draftings.length - 1 }), picks })

/**
 * A typed graph of a few nodes and the request that it is asked with. Fewer steps, and smaller numbers,
 * make a simpler one: that is how it is shrunk.
 */
export const randomGraph: fc.Arbitrary<RandomGraph> = fc
  .record({
    inputs: fc.array(picks, { minLength: 1, maxLength: INPUTS_MAX }),
    steps: fc.array(step, { minLength: STEPS_MIN, maxLength: STEPS_MAX, size: 'max' }),
    answers: picks,
  })
  .map(({ inputs, steps, answers }) => {
    const draft = new Draft()
    for (const [index, each] of inputs.entries()) {
      draft.decideBy(each)
      const shape = draft.from(shapes)
      const isConstant = index > 0 && draft.chance(4)
      const told = shape.map((size, axis) => (axis === 0 || draft.chance(4) ? -1 : size))
      const { of, ...span } = feedOf(draft)
      // Other rows: one where they were several.
      const other = shape.map((size, axis) => (axis > 0 ? size : size === 1 ? 2 : 1))
      if (isConstant) draft.known(of(shape), span)
      else draft.input([of(shape), of(shape[0] === 0 ? shape : other)], span, told)
    }
    for (const each of steps) {
      draft.decideBy(each.picks)
      if (!draft.isLong) draftings[each.op]?.(draft)
    }
    return draft.finish((index) => (answers[index % PICKS] ?? 0) % 5 === 4)
  })
