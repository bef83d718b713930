// Any bits of every element type through TensorFlow and back: numbers that are none with whatever they
// carry, zeros with a sign, the least and the largest, texts with any bytes. By models that give what
// they are given, as it is and as what a variable of TensorFlow 1 refers to.

import { attr, GraphBuilder } from '@drover/saved-model'
import {
  bytesOf,
  bytesOfType,
  DATA_TYPES,
  type DataType,
  isNumericType,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Servable } from './servable.ts'

const RUNS = 400
const ends: string[] = []
const { tensorflow, folder } = await startAround({ onEnd: ({ how }) => ends.push(how) })
let model: Servable

/** By how a tensor goes through. */
const WAYS = ['as it is', 'out of a reference', 'into a reference'] as const

function echoes(): Uint8Array {
  const builder = new GraphBuilder()
  const signatures: Parameters<typeof modelBytes>[1] = {}
  for (const dtype of DATA_TYPES) {
    const [type, T] = [{ dtype: attr.type(dtype) }, { T: attr.type(dtype) }]
    const [x, w] = [`${dtype}/x`, `${dtype}/w`]
    builder.add('Placeholder', x, [], type)
    builder.add('Identity', `${dtype}/y`, [x], T)
    builder.add('VariableV2', w, [], { ...type, shape: attr.shape([]) })
    const anyShape = { validate_shape: attr.bool(false) }
    builder.add('Assign', `${dtype}/set`, [w, x], { ...T, ...anyShape })
    builder.add('Identity', `${dtype}/read`, [w], T)
    const names = { [WAYS[0]]: [x, 'y'], [WAYS[1]]: [x, 'set'], [WAYS[2]]: [w, 'read'] } as const
    for (const [way, [input, output]] of Object.entries(names))
      signatures[`${dtype} ${way}`] = {
        inputs: { x: info(`${input}:0`, input === w ? `${dtype}_REF` : dtype, 'unknown') },
        outputs: {
          y: info(`${dtype}/${output}:0`, output === 'set' ? `${dtype}_REF` : dtype, 'unknown'),
        },
      }
  }
  return modelBytes(builder, signatures)
}

beforeAll(async () => {
  const directory = await folder.add(echoes())
  model = await loadServable(directory, { engine: 'tensorflow', tensorflow })
})

/** Bytes among which those are frequent that make zeros, infinities and what is next to them. */
const byte = fc.oneof(fc.constantFrom(0x00, 0x01, 0x7f, 0x80, 0xf0, 0xf8, 0xff), fc.nat(255))
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 })

function tensorsOf(dtype: DataType): fc.Arbitrary<Tensor> {
  return shapes.chain((shape): fc.Arbitrary<Tensor> => {
    const count = sizeOf(shape)
    if (!isNumericType(dtype))
      return fc
        .array(fc.uint8Array({ maxLength: 40 }), { minLength: count, maxLength: count })
        .map((values) => ({ dtype: 'DT_STRING', shape, values }))
    const length = count * bytesOfType(dtype)
    const bits = dtype === 'DT_BOOL' ? fc.nat(1) : byte
    return fc
      .array(bits, { minLength: length, maxLength: length })
      .map((bytes) => tensorOfBuffer(dtype, shape, Uint8Array.from(bytes).buffer))
  })
}

const bitsOf = (tensor: Tensor | undefined): (string | number)[] => [
  tensor?.dtype ?? 'none',
  ...(tensor?.shape ?? []),
  ...(tensor?.dtype === 'DT_STRING'
    ? tensor.values.map((text) => Buffer.from(text).toString('hex'))
    : [tensor === undefined ? '' : Buffer.from(bytesOf(tensor)).toString('hex')]),
]

test('any bits of any type come back as they went', async () => {
  const calls = fc
    .tuple(fc.constantFrom(...DATA_TYPES), fc.constantFrom(...WAYS))
    .chain(([dtype, way]) => fc.tuple(fc.constant(`${dtype} ${way}`), tensorsOf(dtype)))

  await fc.assert(
    fc.asyncProperty(calls, async ([signature, x]) => {
      const { y } = await model.run(signature, { x })

      expect(bitsOf(y)).toEqual(bitsOf(x))
    }),
    { numRuns: RUNS },
  )
})

/** One element in so many dimensions. */
function deepTensor(dtype: DataType, rank: number): Tensor {
  const shape = Array.from({ length: rank }, () => 1)
  if (!isNumericType(dtype)) return { dtype: 'DT_STRING', shape, values: [Uint8Array.of(0, 255)] }
  return tensorOfBuffer(dtype, shape, new ArrayBuffer(bytesOfType(dtype)))
}

const carried = DATA_TYPES.filter((dtype) => dtype !== 'DT_COMPLEX128')
test.each(carried)('%s may have as many dimensions as TensorFlow allows', async (dtype) => {
  const deepest = deepTensor(dtype, 254)

  const { y } = await model.run(`${dtype} as it is`, { x: deepest })

  expect(bitsOf(y)).toEqual(bitsOf(deepest))
})

test('dimensions that are not carried fail and end no process', async () => {
  const complex = model.run('DT_COMPLEX128 as it is', { x: deepTensor('DT_COMPLEX128', 254) })

  await expect(complex).rejects.toMatchObject({ code: 'RUN_FAILED' })
  for (const dtype of DATA_TYPES)
    expect(() => model.run(`${dtype} as it is`, { x: deepTensor(dtype, 255) })).toThrow(
      'which no tensor can have',
    )
  expect(ends).toEqual([])
})
