// Operands of other ranks and sizes than an operation takes: whatever onnxruntime makes of them, the process of
// all tenants goes on, and a request that fits is answered as before. They come through a Reshape whose shape
// a request brings, since models say of their inputs how many dimensions these have.

import { type Attr, attr, GraphBuilder } from '@drover/saved-model'
import {
  bytesOf,
  bytesOfType,
  type SignatureDef,
  sizeOf,
  type Tensor,
  tensorOfBytes,
} from '@drover/serving-api'
import { afterAll, expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { partsOf } from './sample-faults.ts'
import { startFolder } from './sample-folder.ts'
import { imageCases } from './sample-images.ts'
import { info, modelBytes } from './sample-models.ts'
import { cases } from './sample-operations.ts'
import { type Answer, answerOf, attrsOf, loadedUnless } from './sample-single.ts'
import type { Case } from './sample-slices.ts'
import { int32 } from './sample-tensors.ts'

const PART = 200
const TEST_MS_MAX = 300_000
const INT32 = attr.type('DT_INT32')

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const fedOf = ({ operands }: Case): [Tensor, number][] =>
  operands.flatMap((operand, at): [Tensor, number][] =>
    'constant' in operand ? [] : [[operand, at]],
  )

/** The operation of operands whose shapes a request brings beside them. */
function modelOf(each: Case): Uint8Array {
  const to = new GraphBuilder()
  const inputs: SignatureDef['inputs'] = {}
  const operands = each.operands.map((operand, at) => {
    if ('constant' in operand) return to.constant(`x${at}`, operand.constant)
    const { dtype, shape } = operand
    const T: Attr = attr.type(dtype)
    Object.assign(inputs, {
      [`x${at}`]: info(
        `x${at}:0`,
        dtype,
        shape.map(() => -1),
      ),
      [`s${at}`]: info(`s${at}:0`, 'DT_INT32', [-1]),
    })
    to.add('Placeholder', `x${at}`, [], { dtype: T })
    to.add('Placeholder', `s${at}`, [], { dtype: INT32 })
    return to.add('Reshape', `shaped${at}`, [`x${at}`, `s${at}`], { T, Tshape: INT32 })
  })
  const y = to.add(each.op, 'y', operands, attrsOf(each))
  const outputs = { y: info(`${y}:${each.port}`, each.type, 'unknown') }
  return modelBytes(to, { main: { inputs, outputs } })
}

/** Shapes of as many elements. */
function ranksOf(shape: readonly number[]): number[][] {
  const count = sizeOf(shape)
  const along = [1, 2, 3, 4, 5, 6].flatMap((rank) => [
    Array.from({ length: rank }, (_, axis) => (axis === 0 ? count : 1)),
    Array.from({ length: rank }, (_, axis) => (axis === rank - 1 ? count : 1)),
  ])
  return [...along, [...shape, 1], [1, ...shape], ...(count === 1 ? [[]] : [])]
}

/** Each dimension with nothing, one, and somewhat more or less. */
const sizesOf = (shape: readonly number[]): number[][] =>
  shape.flatMap((size, axis) =>
    [0, 1, size - 1, size + 1, 2 * size]
      .filter((other) => other >= 0)
      .map((other) => shape.with(axis, other)),
  )

/** So many of its elements, over and over; undefined where it has none. */
function remade(tensor: Tensor, shape: readonly number[]): Tensor | undefined {
  const { length } = tensor.values
  const places = Array.from({ length: sizeOf(shape) }, (_, at) => at % length)
  if (length === 0 && places.length > 0) return undefined
  if (tensor.dtype === 'DT_STRING')
    return { ...tensor, shape, values: places.flatMap((at) => tensor.values[at] ?? []) }
  const width = bytesOfType(tensor.dtype)
  const bytes = bytesOf(tensor)
  const parts = places.map((at) => bytes.subarray(at * width, (at + 1) * width))
  return tensorOfBytes(tensor.dtype, shape, new Uint8Array(Buffer.concat(parts)))
}

/** What a request brings, with one operand in the place of its own. */
function requestOf(each: Case, given: ReadonlyMap<number, { tensor: Tensor; shape: number[] }>) {
  const pairs = fedOf(each).flatMap(([own, at]): [string, Tensor][] => {
    const { tensor, shape } = given.get(at) ?? { tensor: own, shape: [...own.shape] }
    return [
      [`x${at}`, tensor],
      [`s${at}`, int32(shape)],
    ]
  })
  return Object.fromEntries(pairs)
}

function* misfitsOf(each: Case): Generator<Record<string, Tensor>> {
  for (const [tensor, at] of fedOf(each)) {
    for (const shape of ranksOf(tensor.shape))
      yield requestOf(each, new Map([[at, { tensor, shape }]]))
    for (const shape of sizesOf(tensor.shape)) {
      const other = remade(tensor, shape)
      if (other !== undefined) yield requestOf(each, new Map([[at, { tensor: other, shape }]]))
    }
  }
}

test.each(partsOf([...cases, ...imageCases], PART).map((part, index) => [index, part] as const))(
  'what does not fit is refused or answered, and the process goes on, part %i',
  async (_, part) => {
    let asked = 0
    for (const each of part) {
      const directory = await folder.add(modelOf(each))
      const loading = loadServable(directory, { engine: 'onnx' })
      // It is another engine's.
      const model = await loadedUnless(['UNTRANSLATABLE'], loading)
      if (model === undefined) continue
      const fitting = requestOf(each, new Map())
      const before: Answer | undefined = await answerOf(model, 'main', fitting)
      for (const request of misfitsOf(each)) {
        await answerOf(model, 'main', request)
        asked++
      }
      expect(await answerOf(model, 'main', fitting), each.op).toEqual(before)
      await model.close()
    }

    expect(asked).toBeGreaterThan(PART)
  },
  TEST_MS_MAX,
)
