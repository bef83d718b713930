import { invalid } from './errors.ts'
import type { PredictFormat } from './answer-json.ts'
import { dumpJson } from './json-dump.ts'
import { JsonCursor } from './json-read.ts'
import { type Outline, scanJson } from './json-scan.ts'
import { explainColumn, explainRow, isRowObject } from './predict-misfit.ts'
import type { Tensor, TensorInfo } from './tensor.ts'
import { isBase64 } from './json-scalars.ts'
import { type PlainBody, readPlainBody } from './plain-body.ts'
import { Budget, TensorFiller } from './tensor-filler.ts'

const KEYS = ['signature_name', 'instances', 'inputs'] as const

/** The inputs of a signature, by alias. */
export type InputInfos = Readonly<Record<string, TensorInfo>>

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
  /** Called now and then while values are read; what it throws ends the reading. */
  look?: (() => void) | undefined
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
  const document = new Document(bytes)
  const at = document.find('signature_name')
  const signatureName = at === undefined ? '' : document.textAt(at)
  if (signatureName === undefined)
    throw document.misformed(
      "not formatted correctly. 'signature_name' key must be a string value.",
    )
  return {
    signatureName,
    readInputs: (infos, { valuesMax = Infinity, look } = {}) =>
      readInputs(document, signatureName, { infos, budget: new Budget(valuesMax, look) }),
  }
}

class Document {
  readonly bytes: Uint8Array
  readonly #outline: Outline

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#outline = scanJson(bytes, KEYS)
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

/** What a body is read by. */
interface Reading {
  infos: InputInfos
  budget: Budget
}

function readInputs(document: Document, signature: string, reading: Reading): PredictInputs {
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
    return { format: 'row', inputs: readRows(document, instances, reading) }
  if (inputs !== undefined)
    return { format: 'column', inputs: readColumns(document, inputs, reading) }
  throw invalid("Missing 'inputs' or 'instances' key")
}

function readRows(document: Document, at: number, reading: Reading): Record<string, Tensor> {
  const { infos } = reading
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
  while (rows.add(cursor, row)) {
    row++
    if (!cursor.next()) return rows.finish(row)
    start = cursor.at
  }
  return explainRow(document.bytes, { first, misfit: start, row }, infos)
}

/** Gathers rows; `add` is false for one that does not fit the signature or the rows before it. */
interface Rows {
  add: (cursor: JsonCursor, row: number) => boolean
  finish: (rows: number) => Record<string, Tensor>
}

/** All for the first input: of several the others are then missing, and whoever runs them says so. */
function plainRows({ infos, budget }: Reading): Rows {
  const fillers = Object.entries(infos)
    .slice(0, 1)
    .map(([alias, { dtype }]) => [alias, new TensorFiller(dtype, budget)] as const)
  return {
    add: (cursor) => fillers[0]?.[1].add(cursor) === true,
    finish: (rows) =>
      Object.fromEntries(fillers.map(([alias, filler]) => [alias, filler.finish(rows)])),
  }
}

function namedRows({ infos, budget }: Reading): Rows {
  const fillers = new Map(
    Object.entries(infos).map(([alias, { dtype }]) => [
      alias,
      { filler: new TensorFiller(dtype, budget), rows: 0 },
    ]),
  )
  return {
    add: (cursor, row) => {
      if (cursor.typeOf() !== 'Object' || !cursor.enter()) return false
      let keys = 0
      do {
        const named = fillers.get(cursor.readKey())
        if (named === undefined || !named.filler.add(cursor)) return false
        // One that is a row ahead has met its key twice: the second has to fit and is left out.
        if (named.rows > row) named.filler.dropLast()
        else {
          named.rows++
          keys++
        }
      } while (cursor.next())
      return keys === fillers.size
    },
    finish: (rows) =>
      Object.fromEntries(
        Array.from(fillers, ([alias, { filler }]) => [alias, filler.finish(rows)]),
      ),
  }
}

function readColumns(document: Document, at: number, reading: Reading): Record<string, Tensor> {
  const { infos, budget } = reading
  const named = Object.entries(infos)
  const cursor = document.cursor(at)
  if (cursor.typeOf() === 'Object' && !isBase64(cursor)) {
    const places = placesOf(cursor, infos)
    return Object.fromEntries(
      named.map(([alias, info]) => {
        const place = places.get(alias)
        if (place === undefined) throw invalid(`Missing named input: ${alias} in 'inputs' object.`)
        return [alias, readColumn(document, place, { info, budget })]
      }),
    )
  }
  if (named.length > 1)
    throw invalid(
      'inputs is a plain value/list, but expecting an object as multiple input tensors required ' +
        'as per tensorinfo_map',
    )
  return Object.fromEntries(
    named.map(([alias, info]) => [alias, readColumn(document, at, { info, budget })]),
  )
}

function readColumn(
  document: Document,
  at: number,
  { info: { dtype }, budget }: { info: TensorInfo; budget: Budget },
): Tensor {
  const filler = new TensorFiller(dtype, budget)
  return filler.add(document.cursor(at))
    ? filler.finish()
    : explainColumn(document.bytes, at, dtype)
}

/** Where each input's value is; of several with one key, the first. A body may have millions of others. */
function placesOf(cursor: JsonCursor, infos: InputInfos): Map<string, number> {
  const places = new Map<string, number>()
  if (!cursor.enter()) return places
  do {
    const key = cursor.readKey()
    if (!places.has(key) && Object.hasOwn(infos, key)) places.set(key, cursor.at)
    cursor.skip()
  } while (cursor.next())
  return places
}
