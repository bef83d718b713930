import {
  bytesOfType,
  DATA_TYPES,
  type DataType,
  isNumericType,
  type SignatureDef,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Places,
  placesOf,
  readAnswer,
  readAnswerId,
  readCall,
  readCallHead,
  writeAnswer,
  writeCall,
} from './wire.ts'

const ALIASES = ['x', 'ünï', '0', 'a b']
const infos = Object.fromEntries(
  ALIASES.map((alias) => [alias, { name: `${alias}:0`, dtype: 'DT_FLOAT', shape: [-1] }] as const),
)
const signature: SignatureDef = { methodName: '', inputs: infos, outputs: infos }
const signatures = placesOf({ other: signature, serving_default: signature })

function placesFor(name: string): Places {
  const found = signatures.find((each) => each.signature === name)
  if (found === undefined) throw new Error(`no signature ${name}`)
  return found
}

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const tensorOf = (dtype: DataType): fc.Arbitrary<Tensor> =>
  shapes.chain((shape): fc.Arbitrary<Tensor> => {
    if (!isNumericType(dtype))
      return fc
        .array(fc.uint8Array({ maxLength: 9 }), {
          minLength: sizeOf(shape),
          maxLength: sizeOf(shape),
        })
        .map((values) => ({ dtype: 'DT_STRING', shape, values }))
    const bytes = sizeOf(shape) * bytesOfType(dtype)
    return fc
      .uint8Array({ minLength: bytes, maxLength: bytes })
      .map((all) => tensorOfBuffer(dtype, shape, Uint8Array.from(all).buffer))
  })
const tensors = fc.dictionary(
  fc.constantFrom(...ALIASES),
  fc.constantFrom(...DATA_TYPES).chain(tensorOf),
  { noNullPrototype: true },
)

test('a call arrives as it was written, whatever its tensors', () => {
  fc.assert(
    fc.property(
      tensors,
      fc.option(fc.subarray(ALIASES), { nil: undefined }),
      fc.constantFrom('other', 'serving_default'),
      (inputs, outputs, name) => {
        const head = { id: 2 ** 40, model: 7, deadline: Infinity }

        const buffer = writeCall(head, { signature: placesFor(name), inputs, outputs })

        expect(readCallHead(buffer)).toEqual({ ...head, buffer })
        const call = readCall(readCallHead(buffer), signatures)
        expect(call.signature.signature).toBe(name)
        expect(call.inputs).toEqual(inputs)
        expect(call.outputs).toEqual(outputs)
      },
    ),
  )
})

test('an answer arrives as it was written, whatever its tensors', () => {
  fc.assert(
    fc.property(tensors, fc.nat(), (answers, id) => {
      const buffer = writeAnswer(id, placesFor('other'), answers)

      expect(readAnswerId(buffer)).toBe(id)
      expect(readAnswer(buffer, placesFor('other'))).toEqual(answers)
    }),
  )
})

test('a view of a large array crosses without what is around it', () => {
  const values = new Float32Array(1_000_000).subarray(10, 14)

  const buffer = writeAnswer(1, placesFor('other'), {
    x: { dtype: 'DT_FLOAT', shape: [4], values },
  })

  expect(buffer.byteLength).toBeLessThan(100)
})

test('an output that the signature does not have is not asked for', () => {
  const call = { signature: placesFor('other'), inputs: {}, outputs: ['x', 'nowhere'] }

  const buffer = writeCall({ id: 1, model: 1, deadline: 0 }, call)

  expect(readCall(readCallHead(buffer), signatures).outputs).toEqual(['x'])
})
