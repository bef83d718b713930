// Graphs by chance, for the tests of this lib: from the numbers that fast-check draws and shrinks.

import { floatTensor, sizeOf, stringTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { Draft, type RandomGraph, type Span, whole, type Wire } from './random-draft.ts'
import { controlDraftings } from './random-control.ts'
import { type Drafting, floatDraftings } from './random-floats.ts'
import { imageDraftings } from './random-images.ts'
import { integerDraftings, integersOf } from './random-integers.ts'
import { narrowDraftings } from './random-narrow.ts'
import { pieceDraftings } from './random-pieces.ts'
import { placeDraftings } from './random-places.ts'
import { shapeDraftings } from './random-shapes.ts'
import { sumDraftings } from './random-sums.ts'
import { textDraftings } from './random-texts.ts'
import { windowDraftings } from './random-windows.ts'
import { bool, double } from './sample-tensors.ts'

const STEPS_MIN = 3
const STEPS_MAX = 25
const INPUTS_MAX = 4
const PICKS = 10
const WORDS = ['a', 'B c', '', 'straße ÀÉ', ' x\ty ', '12 a', 'ﬁz', 'aaa-b']

/** All operations that such graphs may have; a family that is there twice is taken twice as often. */
const families: readonly (readonly Drafting[])[] = [
  floatDraftings,
  floatDraftings,
  placeDraftings,
  shapeDraftings,
  shapeDraftings,
  integerDraftings,
  sumDraftings,
  textDraftings,
  imageDraftings,
  windowDraftings,
  controlDraftings,
  narrowDraftings,
  pieceDraftings,
].map((each) => Object.values(each))

const shapes: readonly [number[], ...number[][]] = [
  [2, 3],
  [],
  [1],
  [3],
  [2, 1],
  [1, 3],
  [0, 3],
  [2, 3, 2],
  [2, 5, 4, 2],
  [1, 6, 6, 1],
  [3, 3, 2, 4],
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
const step = fc.record({
  family: fc.nat({ max: families.length - 1 }),
  op: fc.nat({ max: 999 }),
  picks,
})
type Step = { family: number; op: number; picks: readonly number[] }
const drawn = fc.record({
  inputs: fc.array(picks, { minLength: 1, maxLength: INPUTS_MAX }),
  steps: fc.array(step, { minLength: STEPS_MIN, maxLength: STEPS_MAX, size: 'max' }),
  answers: picks,
})

function addSteps(draft: Draft, steps: readonly Step[]): void {
  for (const { family, op, picks: decisions } of steps) {
    const draftings = families[family] ?? []
    draft.decideBy(decisions)
    if (!draft.isLong) draftings[op % draftings.length]?.(draft)
  }
}

/**
 * A typed graph of a few nodes and the request that it is asked with. Fewer steps, and smaller numbers,
 * make a simpler one: that is how it is shrunk.
 */
export const randomGraph: fc.Arbitrary<RandomGraph> = drawn.map(({ inputs, steps, answers }) => {
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
  addSteps(draft, steps)
  return draft.finish((index) => (answers[index % PICKS] ?? 0) % 5 === 4)
})

/** How many rows there are where all inputs have as many. */
const ROWS = 5
const inners: readonly [number[], ...number[][]] = [
  [3],
  [],
  [1],
  [2, 3],
  [2],
  [3, 1],
  [3, 4, 2],
  [2, 2, 1],
]

const STRANGE = {
  DT_FLOAT: [NaN, Infinity, -0, -Infinity, 1e-40, 3e38],
  DT_DOUBLE: [NaN, Infinity, -0, -Infinity, 5e-324, 1e308],
  DT_INT32: [2 ** 31 - 1, -(2 ** 31), 0],
  DT_INT64: [2n ** 63n - 1n, -(2n ** 63n), 0n],
} as const

/** Numbers at their limits here and there: what comes of them is not known, but it is the same in all parts. */
function strange(tensor: Tensor, from: number): Tensor {
  const { dtype, values } = tensor
  if (dtype !== 'DT_FLOAT' && dtype !== 'DT_DOUBLE' && dtype !== 'DT_INT32' && dtype !== 'DT_INT64')
    return tensor
  const among = STRANGE[dtype]
  for (let at = from % 3; at < values.length; at += 3)
    values[at] = among[(at + from) % among.length] ?? 0
  return tensor
}

/** A graph all of whose inputs have the same rows, whose inner sizes are told; every tensor is answered. */
export const randomRows: fc.Arbitrary<RandomGraph> = drawn.map(({ inputs, steps }) => {
  const draft = new Draft()
  for (const [index, each] of inputs.entries()) {
    draft.decideBy(each)
    const inner = draft.from(inners)
    const isConstant = index > 0 && draft.chance(4)
    const { of, ...span } = feedOf(draft)
    if (isConstant) draft.known(of(draft.chance(2) ? inner : [1, ...inner]), span)
    else {
      const rows = draft.chance(3)
        ? strange(of([ROWS, ...inner]), draft.below(9))
        : of([ROWS, ...inner])
      draft.input([rows, of([1, ...inner])], span, [-1, ...inner])
    }
  }
  addSteps(draft, steps)
  return draft.finish(() => true)
})
