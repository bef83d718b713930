// tf.Example as bytes: what models are asked about that parse features themselves.

import { ServingError } from '../errors.ts'
import { fieldSize, int64Size, WireWriter } from '../wire/writer.ts'

/** The most that the examples of one request may take once each has its context. */
export const EXAMPLES_BYTES_MAX = 256 * 1024 * 1024

/** The values of a feature, all of one kind. */
export type Feature =
  | { kind: 'bytes'; values: Uint8Array[] }
  | { kind: 'float'; values: number[] }
  | { kind: 'int64'; values: (number | bigint)[] }

/** By name; undefined for a feature without values, which is of no kind. */
export type Features = ReadonlyMap<string, Feature | undefined>

/** Of `Feature`. */
const LIST_FIELDS = { bytes: 1, float: 2, int64: 3 } as const
/** Of everything else on the way from `Example` to a value, but of an entry's value. */
const FIRST = 1
const ENTRY_VALUE = 2
const FLOAT_BYTES = 4

/** A serialized `tensorflow.Example`. */
export function encodeExample(features: Features): Uint8Array {
  const entries = Array.from(features, ([name, feature]) => measureEntry(name, feature))
  const size = entries.reduce((sum, entry) => sum + fieldSize(FIRST, entry.size), 0)
  const writer = new WireWriter(fieldSize(FIRST, size))
  writer.head(FIRST, size)
  for (const entry of entries) writeEntry(writer, entry)
  return writer.bytes
}

interface Entry {
  name: Uint8Array
  feature: Feature | undefined
  /** Of the values, of the list that holds them, of the feature and of the whole entry. */
  valuesSize: number
  listSize: number
  featureSize: number
  size: number
}

function measureEntry(text: string, feature: Feature | undefined): Entry {
  const name = Buffer.from(text)
  const valuesSize = feature === undefined ? 0 : measureValues(feature)
  const isPacked = feature !== undefined && feature.kind !== 'bytes'
  const listSize = isPacked ? fieldSize(FIRST, valuesSize) : valuesSize
  const featureSize = feature === undefined ? 0 : fieldSize(LIST_FIELDS[feature.kind], listSize)
  const size = fieldSize(FIRST, name.length) + fieldSize(ENTRY_VALUE, featureSize)
  return { name, feature, valuesSize, listSize, featureSize, size }
}

function measureValues(feature: Feature): number {
  switch (feature.kind) {
    case 'bytes':
      return feature.values.reduce((sum, { length }) => sum + fieldSize(FIRST, length), 0)
    case 'float':
      return feature.values.length * FLOAT_BYTES
    case 'int64':
      return feature.values.reduce<number>((sum, value) => sum + int64Size(value), 0)
  }
}

function writeEntry(writer: WireWriter, entry: Entry): void {
  const { name, feature } = entry
  writer.head(FIRST, entry.size)
  writer.head(FIRST, name.length)
  writer.raw(name)
  writer.head(ENTRY_VALUE, entry.featureSize)
  if (feature === undefined) return
  writer.head(LIST_FIELDS[feature.kind], entry.listSize)
  if (feature.kind !== 'bytes') writer.head(FIRST, entry.valuesSize)
  writeValues(writer, feature)
}

function writeValues(writer: WireWriter, feature: Feature): void {
  switch (feature.kind) {
    case 'bytes':
      for (const value of feature.values) {
        writer.head(FIRST, value.length)
        writer.raw(value)
      }
      return
    case 'float': {
      const { buffer } = Float32Array.from(feature.values)
      return writer.raw(new Uint8Array(buffer))
    }
    case 'int64':
      for (const value of feature.values) writer.int64(value)
  }
}

/**
 * Puts a context before each example: as one message the two are merged, and an example's own
 * features come last and count. Throws RESOURCE_EXHAUSTED where that is too much.
 */
export function withContext(
  context: Uint8Array,
  examples: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (context.length === 0) return examples
  const size = examples.reduce((sum, { length }) => sum + length, context.length * examples.length)
  if (size > EXAMPLES_BYTES_MAX)
    throw new ServingError(
      'RESOURCE_EXHAUSTED',
      `The context and ${examples.length} examples take ${size} bytes, and ${EXAMPLES_BYTES_MAX} ` +
        'is the most: send fewer at a time',
    )
  return examples.map((example) => Buffer.concat([context, example]))
}
