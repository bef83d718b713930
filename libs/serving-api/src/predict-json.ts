import { invalid } from './errors.ts'
import type { PredictFormat } from './answer-json.ts'
import { dumpJson } from './json-dump.ts'
import { JsonCursor } from './json-read.ts'
import { type Outline, scanSteps } from './json-scan.ts'
import { type InputInfos, namedRows, plainRows, type Reading } from './predict-rows.ts'
import { explainColumn, explainRow, isRowObject } from './predict-misfit.ts'
import type { Tensor, TensorInfo } from './tensor.ts'
import { isBase64 } from './json-scalars.ts'
import { type PlainBody, readPlainBody } from './plain-body.ts'
import { Budget, TensorFiller } from './tensor-filler.ts'
import { atOnce, type Steps } from './steps.ts'

const KEYS = ['signature_name', 'instances', 'inputs'] as const

/** What a request asks a signature, and in which layout it wants the answer. */
export interface PredictInputs {
  format: PredictFormat
  inputs: Record<string, Tensor>
}

/** A predict body that is JSON. What it asks can be read when its signature has been looked up. */
export interface PredictBody {
  /** Empty if the request names none. */
  signatureName: string
  /**
   * Throws INVALID_ARGUMENT, in TensorFlow Serving's words where the body does not fit the signature,
   * and in its own where it brings more than so many values.
   */
  readInputs: (infos: InputInfos, options?: ReadOptions) => PredictInputs
}

export interface ReadOptions {
  /** How many values the body may bring; as many as it likes if undefined. */
  valuesMax?: number
}

/** A `PredictBody` that is read with pauses. */
export interface PredictBodyInSteps {
  signatureName: string
  readSteps: (infos: InputInfos, options?: ReadOptions) => Steps<PredictInputs>
}

/**
 * Reads the outer part of a predict body. Upstream looks the model up after this and before it looks
 * at the values: so bad JSON to an unknown model is a 400, and good JSON to it a 404.
 */
export function parsePredictBody(bytes: Uint8Array): PredictBody {
  const plain = readPlainBody(bytes)
  if (plain === undefined) return parseAnyBody(bytes)
  return {
    signatureName: plain.signatureName,
    readInputs: (infos, options = {}) =>
      plainInputs(plain, infos, options) ?? parseAnyBody(bytes).readInputs(infos, options),
  }
}

/** Reads the outer part with pauses, except for that of a short plain body. */
export function* predictBodySteps(bytes: Uint8Array): Steps<PredictBodyInSteps> {
  const plain = readPlainBody(bytes)
  if (plain === undefined) return yield* anyBodySteps(bytes)
  return {
    signatureName: plain.signatureName,
    *readSteps(infos, options = {}) {
      const inputs = plainInputs(plain, infos, options)
      if (inputs !== undefined) return inputs
      const body = yield* anyBodySteps(bytes)
      return yield* body.readSteps(infos, options)
    },
  }
}

/** What a plain body asks a signature of one input of floats; undefined for any other. */
function plainInputs(
  { format, shape, values }: PlainBody,
  infos: InputInfos,
  { valuesMax = Infinity }: ReadOptions,
): PredictInputs | undefined {
  const [alias = '', ...more] = Object.keys(infos)
  if (more.length > 0 || infos[alias]?.dtype !== 'DT_FLOAT' || values.length > valuesMax)
    return undefined
  return { format, inputs: { [alias]: { dtype: 'DT_FLOAT', shape, values } } }
}

function parseAnyBody(bytes: Uint8Array): PredictBody {
  const { signatureName, readSteps } = atOnce(anyBodySteps(bytes))
  return {
    signatureName,
    readInputs: (infos, options) => atOnce(readSteps(infos, options)),
  }
}

function* anyBodySteps(bytes: Uint8Array): Steps<PredictBodyInSteps> {
  const document = new Document(bytes, yield* scanSteps(bytes, KEYS))
  const at = document.find('signature_name')
  const signatureName = at === undefined ? '' : document.textAt(at)
  if (signatureName === undefined)
    throw document.misformed(
      "not formatted correctly. 'signature_name' key must be a string value.",
    )
  return {
    signatureName,
    readSteps: (infos, { valuesMax = Infinity } = {}) =>
      readInputs(document, signatureName, { infos, budget: new Budget(valuesMax) }),
  }
}

class Document {
  readonly bytes: Uint8Array
  readonly #outline: Outline

  constructor(bytes: Uint8Array, outline: Outline) {
    this.bytes = bytes
    this.#outline = outline
    if (this.cursor(this.#outline.start).typeOf() !== 'Object')
      throw this.misformed('Is not object')
  }

  cursor(at: number): JsonCursor {
    return new JsonCursor(this.bytes, at)
  }

  /** Where the value of a key is. */
  find(key: (typeof KEYS)[number]): number | undefined {
    return this.#outline.members.get(key)
  }

  textAt(at: number): string | undefined {
    const cursor = this.cursor(at)
    return cursor.typeOf() === 'String' ? cursor.readText() : undefined
  }

  misformed(what: string): Error {
    return invalid(`JSON Value: ${dumpJson(this.bytes, this.#outline.start)} ${what}`)
  }
}

function* readInputs(
  document: Document,
  signature: string,
  reading: Reading,
): Steps<PredictInputs> {
  const { infos } = reading
  if (Object.keys(infos).length === 0)
    throw invalid(`Failed to get input map for signature: ${signature || 'DEFAULT'}`)
  const instances = document.find('instances')
  const inputs = document.find('inputs')
  if (instances !== undefined && inputs !== undefined)
    throw document.misformed(
      "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    )
  if (instances !== undefined)
    return { format: 'row', inputs: yield* readRows(document, instances, reading) }
  if (inputs !== undefined)
    return { format: 'column', inputs: yield* readColumns(document, inputs, reading) }
  throw invalid("Missing 'inputs' or 'instances' key")
}

function* readRows(
  document: Document,
  at: number,
  reading: Reading,
): Steps<Record<string, Tensor>> {
  const { infos, budget } = reading
  const cursor = document.cursor(at)
  if (cursor.typeOf() !== 'Array')
    throw document.misformed("Expecting 'instances' to be an list/array")
  if (!cursor.enter()) throw document.misformed("No values in 'instances' array")
  const first = cursor.at
  const isNamed = isRowObject(cursor)
  if (cursor.typeOf() !== 'Object' && Object.keys(infos).length > 1)
    throw invalid(
      'instances is a plain list, but expecting list of objects as multiple input tensors ' +
        'required as per tensorinfo_map',
    )
  const rows = isNamed ? namedRows(reading) : plainRows(reading)
  let row = 0
  let start = first
  for (;;) {
    const isAdded = rows.add(cursor, row)
    if (isAdded === false) return explainRow(document.bytes, { first, misfit: start, row }, infos)
    if (isAdded === true) {
      row++
      if (!cursor.next()) return rows.finish(row)
      start = cursor.at
    }
    if (!budget.pauses.isDue) continue
    budget.pauses.begin()
    yield
  }
}

function* readColumns(
  document: Document,
  at: number,
  reading: Reading,
): Steps<Record<string, Tensor>> {
  const { infos } = reading
  const cursor = document.cursor(at)
  const isNamed = cursor.typeOf() === 'Object' && !isBase64(cursor)
  if (!isNamed && Object.keys(infos).length > 1)
    throw invalid(
      'inputs is a plain value/list, but expecting an object as multiple input tensors required ' +
        'as per tensorinfo_map',
    )
  const places = isNamed ? yield* placesOf(cursor, reading) : undefined
  const columns: [alias: string, tensor: Tensor][] = []
  for (const [alias, { dtype }] of Object.entries(infos)) {
    const place = places === undefined ? at : places.get(alias)
    if (place === undefined) throw invalid(`Missing named input: ${alias} in 'inputs' object.`)
    columns.push([alias, yield* readColumn(document, place, { dtype, budget: reading.budget })])
  }
  return Object.fromEntries(columns)
}

function* readColumn(
  document: Document,
  at: number,
  { dtype, budget }: { dtype: TensorInfo['dtype']; budget: Budget },
): Steps<Tensor> {
  const filler = new TensorFiller(dtype, budget)
  const cursor = document.cursor(at)
  for (;;) {
    const isAdded = filler.add(cursor)
    if (isAdded === true) return filler.finish()
    if (isAdded === false) return explainColumn(document.bytes, at, dtype)
    budget.pauses.begin()
    yield
  }
}

/** Where each input's value is; of several with one key, the first. A body may have millions of others. */
function* placesOf(
  cursor: JsonCursor,
  { infos, budget }: Reading,
): Steps<ReadonlyMap<string, number>> {
  const places = new Map<string, number>()
  if (!cursor.enter()) return places
  do {
    const key = cursor.readKey()
    if (!places.has(key) && Object.hasOwn(infos, key)) places.set(key, cursor.at)
    cursor.skip()
    budget.pauses.count()
    if (!budget.pauses.isDue) continue
    budget.pauses.begin()
    yield
  } while (cursor.next())
  return places
}
