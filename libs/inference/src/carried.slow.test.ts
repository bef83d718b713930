// Operations on narrow types, which wider ones carry, against TensorFlow: bit for bit but where it is said.

import { compareAnswers, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { castCases, integerCases, INTEGERS, numberCases, sumCases } from './sample-carried.ts'
import { faultsOf } from './sample-faults.ts'
import { singleModel } from './sample-single.ts'
import type { Case } from './sample-slices.ts'

const { tensorflow, folder } = await startAround()

/** What is wrong with an answer; undefined where nothing is. */
type Judge = (op: string, expected: Tensor, answer: Tensor) => string | undefined

const faultsIn = async (all: readonly Case[], judge: Judge): Promise<string[]> =>
  await faultsOf(all, singleModel(all), {
    folder,
    tensorflow,
    judge: (each, { y: expected } = {}, { y: answer } = {}) => {
      const fault =
        expected === undefined || answer === undefined
          ? 'there is no answer'
          : judge(each.op, expected, answer)
      return fault && `${typesOf(each)}: ${fault}`
    },
  })

function typesOf({ operands: [first], type }: Case): string {
  const operand = first === undefined || 'constant' in first ? first?.constant : first
  return `${operand?.dtype} to ${type}`
}

/** Functions of one number that several ways of reckoning them round otherwise: by one step at most. */
const ONE_STEP: ReadonlySet<string> = new Set('Erf Exp Expm1 Log Log1p'.split(' '))
const NEGATIVE = 0x8000

/** The place of a number among all of its type. */
const stepOf = (bits: number): number => (bits & NEGATIVE ? -(bits & 0x7fff) : bits)

const isNone = (dtype: Tensor['dtype'], bits: number): boolean =>
  (bits & 0x7fff) > (dtype === 'DT_HALF' ? 0x7c00 : 0x7f80)

function stepsApart(dtype: Tensor['dtype'], want: number, got: number): number {
  return isNone(dtype, want) && isNone(dtype, got) ? 0 : Math.abs(stepOf(want) - stepOf(got))
}

const sameNumbers: Judge = (op, expected, answer) => {
  if (answer.dtype !== expected.dtype || String(answer.shape) !== String(expected.shape))
    return `${answer.dtype} of [${answer.shape.join(', ')}]`
  const isHalf = expected.dtype === 'DT_HALF' || expected.dtype === 'DT_BFLOAT16'
  for (const [at, want] of expected.values.entries()) {
    const got = answer.values[at]
    if (Object.is(got, want)) continue
    const apart = isHalf ? stepsApart(expected.dtype, Number(want), Number(got)) : Infinity
    if (apart <= (ONE_STEP.has(op) ? 1 : 0)) continue
    return `number ${at} is ${String(got)} and not ${String(want)}`
  }
  return undefined
}

test.each(['DT_HALF', 'DT_BFLOAT16'] as const)('all numbers of %s', async (dtype) => {
  expect(await faultsIn(numberCases(dtype), sameNumbers)).toEqual([])
})

/**
 * TensorFlow adds up the products of halves in halves and rounds after each, by which it is the further from
 * what is true the more there are: 0.003 where a hundred are added, of numbers about 3. Fast engines round once.
 */
const PRECISION = { DT_HALF: 2 ** -8, DT_BFLOAT16: 2 ** -6 } as const

test.each(['DT_HALF', 'DT_BFLOAT16'] as const)('sums of %s', async (dtype) => {
  const near: Judge = (_, expected, answer) =>
    compareAnswers({ y: expected }, { y: answer }, PRECISION[dtype]).reason

  expect(await faultsIn(sumCases(dtype), near)).toEqual([])
})

test.each(INTEGERS)('integers of %s', async (dtype) => {
  expect(await faultsIn(integerCases(dtype), sameNumbers)).toEqual([])
})

test('casts between all types', async () => {
  expect(await faultsIn(castCases, sameNumbers)).toEqual([])
})
