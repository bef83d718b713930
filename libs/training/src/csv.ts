import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { TrainingError } from './errors.ts'

export const ROWS_MAX = 1_000_000
export const FILE_BYTES_MAX = 256 * 1024 * 1024
/** A quote that is never closed makes the rest of the file one field. */
export const RECORD_CHARACTERS_MAX = 1024 * 1024
const HEADER_COLUMNS_MAX = 10_000
const COLUMNS_SHOWN_MAX = 20
const SHOWN_CHARACTERS_MAX = 40
const NEW_LINE = 0x0a

/** A field of a row as a message shows it: quoted, and cut where it is long. */
export function show(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text
  return JSON.stringify(cut)
}

/** The data cannot be trained on because of this line. */
export function badLine(line: number, what: string, cause?: unknown): TrainingError {
  return new TrainingError('BAD_DATA', `line ${line}: ${what}`, { cause })
}

/**
 * Reads a CSV file row by row: UTF-8 with or without a byte order mark, the names of the columns
 * in its first row, comma, double quotes, any line ends, empty lines left out. Calls back with the
 * wanted columns in the order in which they were named. Throws BAD_DATA, naming the line, for
 * what is no such file, and TRANSIENT when it cannot be read.
 */
export async function readRows(
  path: string,
  columns: readonly string[],
  onRow: (fields: readonly string[], line: number) => void,
): Promise<void> {
  await checkFile(path)
  const reader = new RowReader(columns, onRow)
  const parser = parse({
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: RECORD_CHARACTERS_MAX,
    on_record: (record: string[], { lines }) => {
      reader.read(record, lines)
      return null
    },
  })
  parser.resume()
  try {
    await pipeline(createReadStream(path), refuseOtherEncodings(), parser)
  } catch (error) {
    throw translate(error, reader.lastLine)
  }
  reader.end()
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TrainingError('TRANSIENT', 'the data cannot be read', { cause })
  })
  if (!found.isFile()) throw new TrainingError('BAD_DATA', 'the data is not a file')
  if (found.size > FILE_BYTES_MAX) {
    const message = `the file has ${found.size} bytes, which is more than ${FILE_BYTES_MAX}`
    throw new TrainingError('BAD_DATA', message)
  }
}

/** Says which line is not UTF-8, instead of reading it as something else. */
function refuseOtherEncodings(): Transform {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 1
  const check = (chunk: Buffer | undefined, done: (error?: Error) => void): void => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined })
    } catch (cause) {
      const at = chunk === undefined ? line : lineOfFault(chunk, line)
      return done(badLine(at, 'the text is not UTF-8', cause))
    }
    for (let at = chunk?.indexOf(NEW_LINE) ?? -1; at >= 0; line++)
      at = chunk?.indexOf(NEW_LINE, at + 1) ?? -1
    done()
  }
  return new Transform({
    transform: (chunk: Buffer, _encoding, callback) =>
      check(chunk, (error) => callback(error ?? null, chunk)),
    flush: (callback) => check(undefined, (error) => callback(error ?? null)),
  })
}

/** The line that is not UTF-8 in a chunk that begins within a line, which is at fault if no other is. */
function lineOfFault(chunk: Buffer, firstLine: number): number {
  let line = firstLine
  for (let from = chunk.indexOf(NEW_LINE) + 1; from > 0;) {
    line++
    const to = chunk.indexOf(NEW_LINE, from) + 1
    const text = to > 0 ? chunk.subarray(from, to) : chunk.subarray(from)
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(text, { stream: to === 0 })
    } catch {
      return line
    }
    from = to
  }
  return firstLine
}

/** Picks the wanted columns out of each record. */
class RowReader {
  readonly #columns: readonly string[]
  readonly #onRow: (fields: readonly string[], line: number) => void
  #places: number[] | undefined
  #width = 0
  #rows = 0
  lastLine = 0

  constructor(columns: readonly string[], onRow: RowReader['read']) {
    this.#columns = columns
    this.#onRow = onRow
  }

  read(record: readonly string[], line: number): void {
    this.lastLine = line
    if (this.#places === undefined) {
      this.#places = this.#findColumns(record, line)
      this.#width = record.length
      return
    }
    if (record.length !== this.#width) {
      throw badLine(line, `the row has ${record.length} fields and the header ${this.#width}`)
    }
    this.#rows++
    if (this.#rows > ROWS_MAX) throw badLine(line, `there are more than ${ROWS_MAX} rows`)
    this.#onRow(
      this.#places.map((place) => record[place] ?? ''),
      line,
    )
  }

  end(): void {
    if (this.#places === undefined) throw new TrainingError('BAD_DATA', 'the file is empty')
    if (this.#rows === 0) throw new TrainingError('BAD_DATA', 'the file has a header but no rows')
  }

  #findColumns(header: readonly string[], line: number): number[] {
    if (header.length > HEADER_COLUMNS_MAX)
      throw badLine(line, `there are more than ${HEADER_COLUMNS_MAX} columns`)
    return this.#columns.map((column) => {
      const place = header.indexOf(column)
      if (place < 0) throw badLine(line, `there is no column ${column}; there is ${list(header)}`)
      if (header.lastIndexOf(column) !== place)
        throw badLine(line, `the column ${column} is there twice`)
      return place
    })
  }
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, COLUMNS_SHOWN_MAX).map(show).join(', ')
  return names.length > COLUMNS_SHOWN_MAX ? `${shown}, …` : shown
}

/** The error in the words of this lib. Only csv-parse's codes are relied on, not its messages. */
function translate(error: unknown, lastLine: number): TrainingError {
  if (error instanceof TrainingError) return error
  if (!(error instanceof CsvError))
    return new TrainingError('TRANSIENT', 'the data cannot be read', { cause: error })
  const start = lastLine + 1
  if (error.code === 'CSV_QUOTE_NOT_CLOSED')
    return badLine(start, 'the row has a quote that is never closed', error)
  if (error.code === 'CSV_MAX_RECORD_SIZE')
    return badLine(start, `the row has more than ${RECORD_CHARACTERS_MAX} characters`, error)
  return badLine(start, 'the row has a quote in the wrong place', error)
}
