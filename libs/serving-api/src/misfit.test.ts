import { expect, test } from 'vitest'
import { misfitOf, misfitOfShapes, withDefaults } from './misfit.ts'
import { floatTensor, type SignatureDef, stringTensor, type Tensor } from './tensor.ts'

const main: SignatureDef = {
  methodName: '',
  inputs: {
    x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 1] },
    v: { name: 'v:0', dtype: 'DT_FLOAT_REF', shape: [] },
  },
  outputs: {},
}
const optional: SignatureDef = { ...main, defaults: { v: floatTensor([2], []) } }
const signatures = { main, optional }
const one = floatTensor([1])

const cases: [string, string, Record<string, Tensor>, RegExp | undefined][] = [
  ['all its inputs, whatever their shapes', 'main', { x: one, v: one }, undefined],
  ['a default for what it leaves out', 'optional', { x: one }, undefined],
  ['no such signature', 'toString', {}, /key "toString" not found/],
  ['an input too few', 'main', { x: one }, /Missing but required: \{v\}/],
  ['an input too many', 'main', { x: one, v: one, w: one }, /Sent extra: \{w\}/],
  ['another input', 'main', { x: one, w: one }, /alias: v\(feed name: v:0\) not found/],
  ['no input without a default', 'optional', { v: one }, /alias: x\(feed name: x:0\) not found/],
  ['text', 'main', { x: stringTensor(['1']), v: one }, /^Expects arg\[0\] to be float but string/],
  [
    'text for a variable',
    'main',
    { x: one, v: stringTensor(['']) },
    /^Expects arg\[1\] to be float but/,
  ],
]
test.each(cases)('a request with %s', (_, signature, inputs, reason) => {
  const misfit = misfitOf(signatures, signature, inputs)

  expect(misfit ?? '').toMatch(reason ?? /^$/)
})

test('a default gives way to what a request brings', () => {
  expect(withDefaults(optional, { x: one })).toEqual({ x: one, v: floatTensor([2], []) })
  expect(withDefaults(optional, { x: one, v: one })).toEqual({ x: one, v: one })
})

test.each<[string, Record<string, Tensor>, string | undefined]>([
  [
    'all shapes as they are',
    { x: floatTensor([1, 2], [2, 1]), v: floatTensor([1], []) },
    undefined,
  ],
  [
    'too few dimensions',
    { x: one },
    'the input x has the shape [1], and the signature says [-1, 1]',
  ],
  [
    'another size',
    { x: floatTensor([1, 2], [1, 2]) },
    'the input x has the shape [1, 2], and the signature says [-1, 1]',
  ],
  ['a list for a scalar', { v: one }, 'the input v has the shape [1], and the signature says []'],
  ['an input that is not there', { w: one }, undefined],
])('of the shapes of a request with %s', (_, inputs, misfit) => {
  expect(misfitOfShapes(main, inputs)).toBe(misfit)
})

test('every shape fits where the signature says none', () => {
  const anything: SignatureDef = {
    ...main,
    inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: undefined } },
  }

  expect(misfitOfShapes(anything, { x: one })).toBeUndefined()
})
