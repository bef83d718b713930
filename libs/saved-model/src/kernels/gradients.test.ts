import { expect, test } from 'vitest'
import { portOfOutput } from '../ports.ts'
import { refusalOrNone } from '../refusal.fixture.ts'
import { numbers, type Value } from '../values.ts'
import { gradientKernels } from './gradients.ts'

const ints = (values: number[], shape = [values.length]): Value =>
  numbers('DT_INT32', shape, values)
const floats = (values: number[], shape = [values.length]): Value =>
  numbers('DT_FLOAT', shape, values)
const node = { name: 'y', op: '', inputs: [], attrs: {} }

test.each<[string, string, readonly Value[], string]>([
  [
    'shapes that do not go together',
    'BroadcastGradientArgs',
    [ints([2, 3]), ints([2])],
    '[2,3] and [1,2] do not go together',
  ],
  [
    'what is no shape',
    'BroadcastGradientArgs',
    [ints([2], []), ints([2])],
    'two shapes were expected',
  ],
  [
    'tensors of two sizes',
    'TanhGrad',
    [floats([1, 2]), floats([1])],
    'two tensors of as many floats were expected',
  ],
  [
    'integers',
    'SigmoidGrad',
    [ints([1]), ints([1])],
    'two tensors of as many floats were expected',
  ],
])('%s: refused', (_name, op, inputs, refusal) => {
  const run = gradientKernels[op]?.(node)

  expect(refusalOrNone(() => run?.(inputs))).toBe(`INVALID_INPUT: ${refusal}`)
})

test('functions name the axes of the two shapes', () => {
  const args = { ...node, op: 'BroadcastGradientArgs' }

  expect(['r0', 'r1'].map((output) => portOfOutput(args, output))).toEqual([0, 1])
})
