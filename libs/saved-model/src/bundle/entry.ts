// BundleHeaderProto and BundleEntryProto: what the index of a checkpoint says of it and of each variable.

import { type DataType, numberOfType, type TypeName, typeOfNumber } from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import { FIELDS, VALUES } from '../generated/fields.ts'
import { isCountable, readShape, writeShape } from '../tensor-proto.ts'
import { readFields, type WireField, WireWriter } from '../wire.ts'
import { damaged } from './byte-reader.ts'
import { ALL, type Extent } from './slice-key.ts'

/** The version of the format that is read and written. */
const VERSION = 1
/** File names have five digits for them. */
const SHARDS_MAX = 99_999
/** Python's partitioners make some tens; each is compared with all others. */
const SLICES_MAX = 4096
const { BundleHeaderProto: HEADER, BundleEntryProto: ENTRY, VersionDef } = FIELDS
const { TensorSliceProto: SLICE, TensorSliceProto_Extent: EXTENT } = FIELDS
/** Of the machine that wrote the numbers. */
const LITTLE = BigInt(VALUES.BundleHeaderProto_Endianness.LITTLE)

export interface BundleHeader {
  /** How many data files there are. */
  numShards: number
  /** All that is read; a checkpoint of a big-endian machine is refused. */
  endianness: 'LITTLE'
  version: { producer: number; minConsumer: number }
}

/** Where the values of a variable are. */
export interface StoredValues {
  dtype: TypeName
  shape: readonly number[]
  shardId: number
  /** In bytes, from the start of the shard. */
  offset: number
  /** In bytes. */
  size: number
  /** Of these bytes, masked as it is stored. */
  crc32c: number
}

/** A part of a partitioned variable. */
export interface BundleSlice {
  /** What it takes of each dimension. */
  extents: readonly Extent[]
  /** Undefined where the index leaves it out; then the variable cannot be read. */
  stored: StoredValues | undefined
}

/** What the index says of one variable. */
export interface BundleEntry extends StoredValues {
  /** A byte that is no UTF-8 stands as the lone surrogate U+DC00 + byte. */
  key: string
  /** Where the variable is partitioned, its parts; its own place and checksum say nothing then. */
  slices: readonly BundleSlice[]
}

export function writeHeader({ numShards }: Pick<BundleHeader, 'numShards'>): Uint8Array {
  const version = new WireWriter().varint(VersionDef.producer, VERSION)
  return new WireWriter()
    .varint(HEADER.num_shards, numShards)
    .message(HEADER.version, version)
    .finish()
}

export function readHeader(bytes: Uint8Array): BundleHeader {
  let numShards = 0
  let version = { producer: 0, minConsumer: 0 }
  for (const field of readFields(bytes)) {
    if (field.number === HEADER.num_shards) numShards = naturalOf(field, 'the number of shards')
    if (field.number === HEADER.endianness && field.int !== LITTLE)
      throw damaged('the checkpoint was written by a machine whose numbers are big-endian')
    if (field.number === HEADER.version) version = readVersion(field.bytes)
  }
  if (numShards > SHARDS_MAX)
    throw new SavedModelError('TOO_LARGE', `the checkpoint has ${numShards} shards`)
  return { numShards, endianness: 'LITTLE', version }
}

function readVersion(bytes: Uint8Array): BundleHeader['version'] {
  const version = { producer: 0, minConsumer: 0 }
  let isBad = false
  for (const field of readFields(bytes)) {
    if (field.number === VersionDef.producer) version.producer = Number(field.int)
    if (field.number === VersionDef.min_consumer) version.minConsumer = Number(field.int)
    if (field.number === VersionDef.bad_consumers)
      for (const bad of field.ints()) isBad ||= bad === BigInt(VERSION)
  }
  const { producer, minConsumer } = version
  if (producer < 0 || minConsumer > VERSION || isBad)
    throw damaged(
      `the checkpoint has version ${producer} of the format, which readers of version ${VERSION} cannot read`,
    )
  return version
}

export function writeEntry(
  entry: Omit<StoredValues, 'dtype'> & { dtype: DataType },
  slices: readonly (readonly Extent[])[] = [],
): Uint8Array {
  const writer = new WireWriter()
    .varint(ENTRY.dtype, numberOfType(entry.dtype))
    .message(ENTRY.shape, writeShape(entry.shape))
    .varint(ENTRY.shard_id, entry.shardId)
    .varint(ENTRY.offset, entry.offset)
    .varint(ENTRY.size, entry.size)
    .fixed32(ENTRY.crc32c, entry.crc32c)
  for (const extents of slices) writer.message(ENTRY.slices, writeSlice(extents))
  return writer.finish()
}

function writeSlice(extents: readonly Extent[]): WireWriter {
  const writer = new WireWriter()
  for (const { start, length } of extents)
    writer.message(
      SLICE.extent,
      length === ALL
        ? new WireWriter()
        : new WireWriter().varint(EXTENT.start, start).varint(EXTENT.length, length),
    )
  return writer
}

/** Reads an entry; what is stored for its slices stands in others. */
export function readEntry(key: string, bytes: Uint8Array): BundleEntry {
  const entry: BundleEntry = {
    key,
    dtype: 'DT_INVALID',
    shape: [],
    shardId: 0,
    offset: 0,
    size: 0,
    crc32c: 0,
    slices: NO_SLICES,
  }
  const slices: BundleSlice[] = []
  for (const field of readFields(bytes))
    if (field.number === ENTRY.slices)
      slices.push({ extents: readSlice(key, field.bytes), stored: undefined })
    else readPlace(entry, field)
  const { shape } = entry
  if (!isCountable(shape))
    throw damaged(`${key} has no shape that a tensor can have: [${shape.join(', ')}]`)
  if (slices.length > SLICES_MAX)
    throw new SavedModelError('TOO_LARGE', `${key} has over ${SLICES_MAX} slices`)
  const wrong = slices.find(({ extents }) => !fits(extents, shape))
  if (wrong !== undefined)
    throw damaged(
      `the slice ${textOfSlice(wrong.extents)} of ${key} is not in [${shape.join(', ')}]`,
    )
  if (slices.length > 0) entry.slices = slices
  return entry
}

const NO_SLICES: readonly BundleSlice[] = []

function readPlace(entry: BundleEntry, field: WireField): void {
  switch (field.number) {
    case ENTRY.dtype:
      entry.dtype = typeOfNumber(Number(field.int))
      break
    case ENTRY.shape:
      // A dimension that no tensor has stands for an unknown rank.
      entry.shape = readShape(field.bytes) ?? [-1]
      break
    case ENTRY.shard_id:
      entry.shardId = naturalOf(field, `the shard of ${entry.key}`)
      break
    case ENTRY.offset:
      entry.offset = naturalOf(field, `the offset of ${entry.key}`)
      break
    case ENTRY.size:
      entry.size = naturalOf(field, `the size of ${entry.key}`)
      break
    case ENTRY.crc32c:
      entry.crc32c = field.fixed32
      break
    default:
  }
}

function readSlice(what: string, bytes: Uint8Array): Extent[] {
  const extents: Extent[] = []
  for (const field of readFields(bytes)) {
    if (field.number !== SLICE.extent) continue
    const extent = { start: 0, length: ALL }
    for (const part of readFields(field.bytes)) {
      if (part.number === EXTENT.start) extent.start = naturalOf(part, `a slice of ${what}`)
      if (part.number === EXTENT.length) extent.length = naturalOf(part, `a slice of ${what}`)
    }
    extents.push(extent)
  }
  return extents
}

function fits(extents: readonly Extent[], shape: readonly number[]): boolean {
  return (
    extents.length === shape.length &&
    extents.every(({ start, length }, axis) =>
      length === ALL ? start === 0 : length > 0 && start + length <= (shape[axis] ?? 0),
    )
  )
}

/** As TensorFlow writes it: `0,3:-`. */
export const textOfSlice = (extents: readonly Extent[]): string =>
  extents.map(({ start, length }) => (length === ALL ? '-' : `${start},${length}`)).join(':')

function naturalOf(field: WireField, what: string): number {
  const value = Number(field.int)
  if (value < 0 || !Number.isSafeInteger(value)) throw damaged(`${what} is ${field.int}`)
  return value
}
