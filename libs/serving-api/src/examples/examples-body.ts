// The body of `:classify` and `:regress`: examples as JSON, with upstream's rules and words.

import { invalid } from '../errors.ts'
import { dumpJson } from '../json-dump.ts'
import { JsonCursor } from '../json-read.ts'
import { isBase64, readBase64 } from '../json-scalars.ts'
import { type Outline, scanSteps } from '../json-scan.ts'
import { atOnce, Pauses, type Steps } from '../steps.ts'
import { RequestBudget } from '../wire/budget.ts'
import { NOTHING } from '../wire/reader.ts'
import { encodeExample, type Feature, withContext } from './example-bytes.ts'

const KEYS = ['signature_name', 'context', 'examples'] as const
const INT64_LEAST = -(2n ** 63n)
const INT64_MOST = 2n ** 63n - 1n
/** Of one example: a feature takes many times its bytes while its example is read. */
const FEATURES_MAX = 100_000
const UINT64_MOST = 2n ** 64n - 1n

/** What a classify or regress request asks. */
export interface ExamplesRequest {
  /** Empty if the request names none. */
  signatureName: string
  /** Serialized `tensorflow.Example`s, each with the context. */
  examples: readonly Uint8Array[]
}

/** Reads such a body. Throws INVALID_ARGUMENT in upstream's words. */
export const parseExamplesBody = (bytes: Uint8Array): ExamplesRequest =>
  atOnce(examplesBodySteps(bytes))

/** Reads it with pauses. */
export function* examplesBodySteps(bytes: Uint8Array): Steps<ExamplesRequest> {
  const outline = yield* scanSteps(bytes, KEYS)
  const body: Body = { bytes, outline }
  if (cursorAt(body, outline.start).typeOf() !== 'Object') throw misformed(body, 'Is not object')
  const signatureName = readSignatureName(body)
  const contextAt = find(body, 'context')
  const reading = { budget: new RequestBudget(), pauses: new Pauses() }
  const context =
    contextAt === undefined ? NOTHING : yield* readExample(cursorAt(body, contextAt), reading)
  return { signatureName, examples: withContext(context, yield* readExamples(body, reading)) }
}

/** What a body is read by. */
interface Reading {
  budget: RequestBudget
  pauses: Pauses
}

interface Body {
  bytes: Uint8Array
  outline: Outline
}

const cursorAt = ({ bytes }: Body, at: number): JsonCursor => new JsonCursor(bytes, at)

const find = ({ outline }: Body, key: (typeof KEYS)[number]): number | undefined =>
  outline.members.get(key)

const misformed = ({ bytes, outline }: Body, what: string): Error =>
  invalid(`JSON Value: ${dumpJson(bytes, outline.start)} ${what}`)

function readSignatureName(body: Body): string {
  const at = find(body, 'signature_name')
  if (at === undefined) return ''
  const cursor = cursorAt(body, at)
  if (cursor.typeOf() !== 'String')
    throw misformed(body, "not formatted correctly. 'signature_name' key must be a string value.")
  return cursor.readText()
}

function* readExamples(body: Body, reading: Reading): Steps<Uint8Array[]> {
  const at = find(body, 'examples')
  if (at === undefined)
    throw misformed(body, "When method is classify, key 'examples' is expected and was not found")
  const cursor = cursorAt(body, at)
  if (cursor.typeOf() !== 'Array')
    throw misformed(body, "Expecting 'examples' value to be an list/array")
  if (!cursor.enter()) throw misformed(body, "'examples' value is an empty array")
  const examples: Uint8Array[] = []
  do examples.push(yield* readExample(cursor, reading))
  while (cursor.next())
  return examples
}

function* readExample(cursor: JsonCursor, reading: Reading): Steps<Uint8Array> {
  reading.budget.takeStrings(1)
  const type = cursor.typeOf()
  if (type !== 'Object') throw invalid(`Example must be JSON object but got JSON ${type}`)
  reading.pauses.count()
  if (reading.pauses.isDue) {
    reading.pauses.begin()
    yield
  }
  const features = new Map<string, Feature | undefined>()
  if (cursor.enter()) {
    do {
      const name = cursor.readKey()
      const named = { name, feature: undefined, budget: reading.budget }
      features.set(name, yield* readFeature(cursor, named, reading.pauses))
      if (features.size > FEATURES_MAX)
        throw invalid(`An example may have ${FEATURES_MAX} features`)
    } while (cursor.next())
  }
  return encodeExample(features)
}

/** A value, or a list of values of one kind. The first one tells the kind. */
function* readFeature(
  cursor: JsonCursor,
  named: Named,
  pauses: Pauses,
): Steps<Feature | undefined> {
  pauses.count()
  if (cursor.typeOf() !== 'Array') return addValue(cursor, named)
  if (cursor.enter()) {
    do {
      named.feature = addValue(cursor, named)
      pauses.count()
      if (!pauses.isDue) continue
      pauses.begin()
      yield
    } while (cursor.next())
  }
  return named.feature
}

/** A feature, as far as it has been read. */
interface Named {
  name: string
  feature: Feature | undefined
  budget: RequestBudget
}

function addValue(cursor: JsonCursor, named: Named): Feature {
  const type = cursor.typeOf()
  switch (type) {
    case 'True':
    case 'False':
      cursor.skip()
      return addInteger(named, () => (type === 'True' ? 1 : 0))
    case 'String':
      return addBytes(named, () => cursor.readBytes())
    case 'Number':
      return addNumber(cursor, named)
    case 'Object':
      if (isBase64(cursor)) return addBytes(named, () => decodeBytes(cursor))
      throw unexpected(named, type)
    case 'Array':
    case 'Null':
      throw unexpected(named, type)
  }
}

const unexpected = ({ name }: Named, type: string): Error =>
  invalid(`Feature: ${name} has element with unexpected JSON type: ${type}`)

function decodeBytes(cursor: JsonCursor): Uint8Array {
  const bytes = readBase64(cursor)
  if (bytes === undefined) throw invalid('Unable to base64 decode')
  return bytes
}

/** What has a point or an exponent is a decimal, and so is what 64 bits cannot hold. */
function addNumber(cursor: JsonCursor, named: Named): Feature {
  const near = cursor.readNumber()
  if (!cursor.isInteger) return addDecimal(named, near)
  if (Number.isSafeInteger(near)) return addInteger(named, () => near)
  const exact = BigInt(cursor.numberText())
  if (exact < INT64_LEAST || exact > UINT64_MOST) return addDecimal(named, near)
  return addInteger(named, () => {
    if (exact <= INT64_MOST) return exact
    throw invalid(`Feature: ${named.name} has uint64_t element. Only int64_t is supported.`)
  })
}

function addDecimal(named: Named, value: number): Feature {
  const { feature = { kind: 'float', values: [] } } = named
  if (feature.kind !== 'float') throw otherKind(named, feature)
  feature.values.push(value)
  return feature
}

function addInteger(named: Named, value: () => number | bigint): Feature {
  const { feature = { kind: 'int64', values: [] } } = named
  if (feature.kind !== 'int64') throw otherKind(named, feature)
  feature.values.push(value())
  return feature
}

function addBytes(named: Named, value: () => Uint8Array): Feature {
  const { feature = { kind: 'bytes', values: [] } } = named
  if (feature.kind !== 'bytes') throw otherKind(named, feature)
  named.budget.takeStrings(1)
  feature.values.push(value())
  return feature
}

const otherKind = ({ name }: Named, { kind }: Feature): Error =>
  invalid(`Unexpected element type in feature: ${name} expecting type: ${kind}`)
