// The codec by hand against the generated one: messages in every form that protobuf allows.

import { fromBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DataType, partsOf } from '../element-types.ts'
import { ServingError } from '../errors.ts'
import { PredictRequestSchema } from '../generated/tensorflow_serving/apis/predict_pb.ts'
import { sizeOf } from '../tensor.ts'
import { tensorByRules } from '../test-support/tensor-rules.ts'
import { decodePredictRequest } from './predict-request.ts'

const RUNS = { numRuns: 1_000 }

/** Writes one field. */
type Field = (writer: BinaryWriter) => void

const bytesField =
  (field: number, bytes: Uint8Array): Field =>
  (writer) =>
    writer.tag(field, WireType.LengthDelimited).bytes(bytes)

const messageOf = (fields: readonly Field[]): Uint8Array => {
  const writer = new BinaryWriter()
  for (const field of fields) field(writer)
  return writer.finish()
}

/** A list of numbers, packed or one by one. */
const listField = (field: number, type: WireType, write: Field[]): fc.Arbitrary<Field> =>
  fc.boolean().map((isPacked) =>
    isPacked
      ? bytesField(field, messageOf(write))
      : (writer) => {
          for (const each of write) {
            writer.tag(field, type)
            each(writer)
          }
        },
  )

const listOf = <T>(
  field: number,
  type: WireType,
  values: fc.Arbitrary<T>,
  write: (writer: BinaryWriter, value: T) => void,
): fc.Arbitrary<Field> =>
  fc.array(values, { maxLength: 5 }).chain((some) =>
    listField(
      field,
      type,
      some.map((value) => (writer) => write(writer, value)),
    ),
  )

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const float = fc.float()
const double = fc.double()

const aList = fc.oneof(
  listOf(5, WireType.Bit32, float, (writer, value) => writer.float(value)),
  listOf(6, WireType.Bit64, double, (writer, value) => writer.double(value)),
  listOf(7, WireType.Varint, int32, (writer, value) => writer.int32(value)),
  fc.uint8Array({ maxLength: 4 }).map((value) => bytesField(8, value)),
  listOf(9, WireType.Bit32, float, (writer, value) => writer.float(value)),
  listOf(
    10,
    WireType.Varint,
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    (writer, value) => writer.int64(value),
  ),
  listOf(11, WireType.Varint, fc.boolean(), (writer, value) => writer.bool(value)),
  listOf(12, WireType.Bit64, double, (writer, value) => writer.double(value)),
  listOf(13, WireType.Varint, int32, (writer, value) => writer.int32(value)),
  listOf(16, WireType.Varint, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (writer, value) =>
    writer.uint32(value),
  ),
  listOf(17, WireType.Varint, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (writer, value) =>
    writer.uint64(value),
  ),
)

const anUnknown: fc.Arbitrary<Field> = fc.oneof(
  fc.nat().map(
    (value): Field =>
      (writer) =>
        writer.tag(99, WireType.Varint).uint32(value),
  ),
  fc.uint8Array({ maxLength: 9 }).map((value) => bytesField(2_000, value)),
  fc.constant<Field>((writer) => writer.tag(77, WireType.Bit64).double(1)),
  fc.constant<Field>((writer) =>
    writer
      .tag(88, WireType.StartGroup)
      .tag(1, WireType.Varint)
      .bool(true)
      .tag(88, WireType.EndGroup),
  ),
)

const aShape = fc
  .array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 })
  .map((sizes) =>
    bytesField(
      2,
      messageOf(
        sizes.map((size) =>
          bytesField(2, messageOf([(writer) => writer.tag(1, WireType.Varint).int64(size)])),
        ),
      ),
    ),
  )

const aTensor = fc
  .tuple(
    fc.constantFrom(...Object.values(DataType), 0, 20),
    fc.array(aShape, { maxLength: 2 }),
    fc.array(aList, { maxLength: 4 }),
    fc.array(fc.uint8Array({ maxLength: 16 }), { maxLength: 1 }),
    fc.array(anUnknown, { maxLength: 2 }),
  )
  .chain(([dtype, shapes, lists, contents, unknown]) =>
    fc.shuffledSubarray(
      [
        (writer: BinaryWriter) => writer.tag(1, WireType.Varint).int32(dtype),
        ...shapes,
        ...lists,
        ...contents.map((content) => bytesField(4, content)),
        ...unknown,
      ],
      { minLength: 1 },
    ),
  )

const anInput = fc
  .record({
    alias: fc.constantFrom('', 'x', 'y', 'ü'),
    pieces: fc.array(aTensor, { maxLength: 2 }),
  })
  .map(({ alias, pieces }) =>
    bytesField(
      2,
      messageOf([
        (writer) => writer.tag(1, WireType.LengthDelimited).string(alias),
        ...pieces.map((piece) => bytesField(2, messageOf(piece))),
      ]),
    ),
  )

const aSpec = fc
  .array(
    fc.oneof(
      fc.string().map(
        (text): Field =>
          (writer) =>
            writer.tag(1, WireType.LengthDelimited).string(text),
      ),
      fc.string().map(
        (text): Field =>
          (writer) =>
            writer.tag(3, WireType.LengthDelimited).string(text),
      ),
      fc.string().map(
        (text): Field =>
          (writer) =>
            writer.tag(4, WireType.LengthDelimited).string(text),
      ),
      fc
        .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        .map((value) =>
          bytesField(2, messageOf([(writer) => writer.tag(1, WireType.Varint).int64(value)])),
        ),
      anUnknown,
    ),
    { maxLength: 4 },
  )
  .map((fields) => bytesField(1, messageOf(fields)))

const aRequest = fc
  .array(
    fc.oneof(
      anInput,
      aSpec,
      anUnknown,
      fc.string().map(
        (text): Field =>
          (writer) =>
            writer.tag(3, WireType.LengthDelimited).string(text),
      ),
    ),
    { maxLength: 6 },
  )
  .map(messageOf)

test('both codecs read the same out of every form of a request', () => {
  fc.assert(
    fc.property(aRequest, (bytes) => {
      const theirs = fromBinary(PredictRequestSchema, bytes)
      const ours = decodePredictRequest(bytes)

      const { name, signatureName, versionChoice } = theirs.modelSpec ?? {}
      expect(ours.spec?.name).toBe(name)
      expect(ours.spec?.signatureName).toBe(signatureName)
      expect(ours.spec?.label).toBe(
        versionChoice?.case === 'versionLabel' ? versionChoice.value : undefined,
      )
      expect(ours.spec?.version).toBe(
        versionChoice?.case === 'version' ? versionChoice.value.value : undefined,
      )
      expect(ours.outputFilter).toEqual(theirs.outputFilter)
      expect(new Set([...Object.keys(ours.inputs), ...ours.faults])).toEqual(
        new Set(Object.keys(theirs.inputs)),
      )
      for (const [alias, proto] of Object.entries(theirs.inputs)) {
        expect(ours.faults.has(alias)).toBe(!(alias in ours.inputs))
        expect(ours.inputs[alias]).toEqual(tensorByRules(proto))
      }
    }),
    RUNS,
  )
})

/** Whether bytes are refused as they should be, or make tensors that are whole. */
function isHarmless(bytes: Uint8Array): boolean {
  try {
    return Object.values(decodePredictRequest(bytes).inputs).every(
      ({ dtype, shape, values }) => values.length === sizeOf(shape) * partsOf(dtype),
    )
  } catch (error) {
    return error instanceof ServingError && error.code === 'INTERNAL'
  }
}

test('a request that is cut off or changed is refused or makes whole tensors', () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    cut: fc.boolean(),
  })
  fc.assert(
    fc.property(aRequest, change, (bytes, { at, byte, cut }) => {
      const place = at % (bytes.length + 1)
      const changed = bytes.slice(0, cut ? place : bytes.length)
      if (place < changed.length) changed[place] = byte
      expect(isHarmless(changed)).toBe(true)
    }),
    RUNS,
  )
})

test('arbitrary bytes are refused or make whole tensors', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(isHarmless(bytes)).toBe(true)
    }),
    RUNS,
  )
})
