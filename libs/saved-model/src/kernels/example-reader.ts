// Reads tf.train.Example and tf.train.SequenceExample as TensorFlow's own reader does, which knows less of protobuf
// than others: of a feature only its first list counts, and of a packed list only its first piece. What is cut off is
// refused, also where TensorFlow takes what is left of it.

import { malformed, ServingError, WireReader } from '@drover/serving-api'
import { decodeText, encodeText, latin1 } from '../bytes-as-text.ts'
import { ints, numbers, texts, type Value } from '../values.ts'

/** The element types that a feature may have. */
export type FeatureType = 'DT_STRING' | 'DT_FLOAT' | 'DT_INT64'

/** The bytes before a field of BYTES, by its number: 10, 18, 26. */
const messageTag = (field: number): number => field * 8 + 2
const VALUES = messageTag(1)
const SINGLE_INT = 8
const SINGLE_FLOAT = 13
const FLOAT_BYTES = 4
const GROUPS: ReadonlySet<number> = new Set([3, 4])

/** The lists of a feature, by their number in it. */
const LISTS: readonly (FeatureType | undefined)[] = [undefined, 'DT_STRING', 'DT_FLOAT', 'DT_INT64']

/** Goes past a byte if it is the next one. */
function expects({ bytes, at, end }: WireReader, tag: number): boolean {
  return at < end && bytes[at] === tag
}

function take(reader: WireReader, tag: number): void {
  if (!expects(reader, tag)) throw malformed('a field is missing')
  reader.at++
}

/** What is in the field at hand, to be read on its own. */
function partOf(reader: WireReader): WireReader {
  const end = reader.readEnd()
  const part = new WireReader(reader.bytes, reader.at, end)
  reader.at = end
  return part
}

/** Features of an example by what they are wanted for; their messages are not read yet. */
export type Found<T> = Map<T, Uint8Array>

/**
 * The features of an example that are wanted; of several of one name the last that is kept. Those of an Example are
 * in one map, those of a SequenceExample in two. Undefined for what is no example.
 */
export function entriesIn<T>(
  text: string,
  maps: readonly ReadonlyMap<string, T>[],
  isKept: (wanted: T, bytes: Uint8Array) => boolean = () => true,
): Found<T> | undefined {
  const found: Found<T> = new Map()
  return attempt(() => {
    const reader = new WireReader(encodeText(text))
    while (reader.at < reader.end) {
      const map = maps.findIndex((_, index) => expects(reader, messageTag(index + 1)))
      const wanted = maps[map]
      if (wanted === undefined) skipField(reader)
      else {
        reader.at++
        for (const [each, bytes] of readMap(partOf(reader), wanted, maps.length > 1))
          if (isKept(each, bytes)) found.set(each, bytes)
      }
    }
    return found
  })
}

function skipField(reader: WireReader): void {
  reader.next()
  if (GROUPS.has(reader.type)) throw malformed('there are groups')
  reader.skip()
}

function* readMap<T>(
  reader: WireReader,
  wanted: ReadonlyMap<string, T>,
  isInOrder: boolean,
): Generator<[T, Uint8Array]> {
  while (reader.at < reader.end) {
    take(reader, messageTag(1))
    const entry = partOf(reader)
    let name = ''
    let bytes: Uint8Array = new Uint8Array()
    // TensorFlow reads two fields; in an Example either may come first.
    for (let field = 0; field < 2; field++)
      if (expects(entry, messageTag(1)) && !(isInOrder && field === 1)) {
        entry.at++
        name = latin1(entry.readBytes())
      } else {
        take(entry, isInOrder && field === 0 ? messageTag(1) : messageTag(2))
        bytes = entry.readBytes()
      }
    if (entry.at < entry.end) throw malformed('there is more than a name and a feature')
    const known = wanted.get(name)
    if (known !== undefined) yield [known, bytes]
  }
}

/** The values of a feature; undefined where it has none. */
export interface Listed {
  type: FeatureType
  /** Undefined for what cannot be read. */
  values: Value | undefined
}

/** The type of a feature that is not empty; undefined for one that there is not. */
export const typeIn = ([tag = 0]: Uint8Array): FeatureType | undefined =>
  tag % 8 === 2 ? LISTS[(tag - 2) / 8] : undefined

/** Reads a feature; undefined for one that is empty. */
export function readFeature(bytes: Uint8Array): Listed | undefined {
  const type = typeIn(bytes)
  if (type === undefined) return undefined
  return { type, values: attempt(() => readList(partOf(new WireReader(bytes, 1)), type)) }
}

/** Reads what must be a list of a type, with nothing after it; undefined for anything else. */
export function readOnly(bytes: Uint8Array, type: FeatureType): Value | undefined {
  const tag = messageTag(LISTS.indexOf(type))
  return attempt(() => {
    const reader = new WireReader(bytes)
    take(reader, tag)
    const list = partOf(reader)
    const values = readList(list, type)
    return reader.at < reader.end || list.at < list.end ? undefined : values
  })
}

/** The features of a list of features, as they are written; undefined where it is none. */
export function featuresIn(bytes: Uint8Array): Uint8Array[] | undefined {
  return attempt(() => {
    const found: Uint8Array[] = []
    const reader = new WireReader(bytes)
    while (reader.at < reader.end) {
      take(reader, messageTag(1))
      found.push(reader.readBytes())
    }
    return found
  })
}

function readList(reader: WireReader, type: FeatureType): Value {
  switch (type) {
    case 'DT_STRING':
      return readTexts(reader)
    case 'DT_FLOAT':
      return readFloats(reader)
    case 'DT_INT64':
      return readInts(reader)
  }
}

function readTexts(reader: WireReader): Value {
  const found: string[] = []
  while (reader.at < reader.end) {
    take(reader, VALUES)
    found.push(decodeText(reader.readBytes()))
  }
  return texts([found.length], found)
}

function readFloats(reader: WireReader): Value {
  if (expects(reader, VALUES)) {
    reader.at++
    const packed = reader.readBytes()
    if (packed.length % FLOAT_BYTES !== 0) throw malformed('a list ends within a value')
    const { buffer } = new Uint8Array(packed)
    return numbers('DT_FLOAT', [packed.length / FLOAT_BYTES], new Float32Array(buffer))
  }
  const found: number[] = []
  const { buffer, byteOffset, byteLength } = reader.bytes
  const view = new DataView(buffer, byteOffset, byteLength)
  while (reader.at < reader.end) {
    take(reader, SINGLE_FLOAT)
    const { at } = reader
    reader.skipBytes(FLOAT_BYTES)
    found.push(view.getFloat32(at, true))
  }
  return numbers('DT_FLOAT', [found.length], found)
}

function readInts(reader: WireReader): Value {
  const halves: number[] = []
  if (expects(reader, VALUES)) {
    reader.at++
    const packed = partOf(reader)
    while (packed.at < packed.end) readInt(packed, halves)
  } else
    while (reader.at < reader.end) {
      take(reader, SINGLE_INT)
      readInt(reader, halves)
    }
  return ints([halves.length / 2], new BigInt64Array(Int32Array.from(halves).buffer))
}

function readInt(reader: WireReader, halves: number[]): void {
  reader.readVarint()
  halves.push(reader.low, reader.high)
}

/** What is read; undefined where it is not the message that it should be. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ServingError) return undefined
    throw error
  }
}
