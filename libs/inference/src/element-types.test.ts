// Every element type through TensorFlow and back, by a model that gives what it is given.

import { attr, GraphBuilder } from '@drover/saved-model'
import {
  bytesOf,
  bytesOfType,
  DATA_TYPES,
  isNumericType,
  type NumericType,
  numberOfHalf,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import { beforeAll, describe, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Servable } from './servable.ts'

const { tensorflow, folder } = await startAround()
const TYPES = DATA_TYPES.filter(isNumericType)
let model: Servable

/** A signature for each type; one more counts halves in TensorFlow's own arithmetic. */
function echoes(): Uint8Array {
  const builder = new GraphBuilder()
  const signatures: Parameters<typeof modelBytes>[1] = {}
  for (const dtype of TYPES) {
    const x = builder.add('Placeholder', `${dtype}/x`, [], { dtype: attr.type(dtype) })
    const y = builder.add('Identity', `${dtype}/y`, [x], { T: attr.type(dtype) })
    signatures[dtype] = {
      inputs: { x: info(`${x}:0`, dtype, 'unknown') },
      outputs: { y: info(`${y}:0`, dtype, 'unknown') },
    }
  }
  const wide = builder.add('Cast', 'wide', ['DT_HALF/x'], {
    SrcT: attr.type('DT_HALF'),
    DstT: attr.type('DT_FLOAT'),
  })
  signatures['wide'] = {
    inputs: { x: info('DT_HALF/x:0', 'DT_HALF', 'unknown') },
    outputs: { y: info(`${wide}:0`, 'DT_FLOAT', 'unknown') },
  }
  return modelBytes(builder, signatures)
}

beforeAll(async () => {
  const directory = await folder.add(echoes())
  model = await loadServable(directory, { engine: 'tensorflow', tensorflow })
})

/** A tensor of every bit pattern that so many bytes have room for; truth values are 0 and 1. */
function sample(dtype: NumericType, shape: readonly number[]): Tensor & { dtype: NumericType } {
  const bytes = new Uint8Array(sizeOf(shape) * bytesOfType(dtype))
  for (const [at] of bytes.entries())
    bytes[at] = dtype === 'DT_BOOL' ? at % 2 : (at * 151 + 77) % 256
  return tensorOfBuffer(dtype, shape, bytes.buffer)
}

const shapes = [[], [0], [3], [2, 0, 4], [2, 3, 1], [17, 16]]
describe.each(TYPES)('%s', (dtype) => {
  test.each(shapes.map((shape) => [shape]))('of shape %j comes back bit for bit', async (shape) => {
    const x = sample(dtype, shape)

    const { y } = await model.run(dtype, { x })

    expect(y).toMatchObject({ dtype, shape })
    const bytes = y?.dtype === 'DT_STRING' || y === undefined ? undefined : bytesOf(y)
    expect(Buffer.from(bytes ?? []).toString('hex')).toBe(Buffer.from(bytesOf(x)).toString('hex'))
  })
})

test('every half is the number that TensorFlow takes it for', async () => {
  const values = Uint16Array.from({ length: 65_536 }, (_, bits) => bits)
  const x: Tensor = { dtype: 'DT_HALF', shape: [values.length], values }

  const { y } = await model.run('wide', { x })

  const wrong = Array.from(values).filter((bits) => !Object.is(y?.values[bits], numberOfHalf(bits)))
  expect(wrong).toEqual([])
})

const refused: [string, number[], string][] = [
  ['whose sizes overflow', [2 ** 32, 2 ** 32], 'which no tensor can have'],
  ['that hides an overflow behind a zero', [2 ** 40, 2 ** 40, 0], 'which no tensor can have'],
  ['with a negative size', [-1, -3], 'which no tensor can have'],
  ['with a broken size', [1.5, 2], 'which no tensor can have'],
  ['of other values than there are', [4], '3 values for the shape [4]'],
]
test.each(refused)('a shape %s is refused', async (_, shape, message) => {
  const x: Tensor = { dtype: 'DT_INT8', shape, values: new Int8Array(3) }

  await expect((async () => await model.run('DT_INT8', { x }))()).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining(message),
  })
})

test('complex numbers count twice', async () => {
  const x: Tensor = { dtype: 'DT_COMPLEX64', shape: [3], values: new Float32Array(3) }

  await expect((async () => await model.run('DT_COMPLEX64', { x }))()).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  })
})
