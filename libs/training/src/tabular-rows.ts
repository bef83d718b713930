import type { Column } from '@drover/model-config'
import { badLine, readRows, show } from './csv.ts'
import { TrainingError } from './errors.ts'
import { byCodeUnit, checkLength, Distinct, Labels } from './labels.ts'
import { foldOf } from './split.ts'

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/

/** A column as it was read. */
export type ColumnValues =
  | { type: 'number'; values: number[] }
  | { type: 'cyclic'; period: number; values: number[] }
  | { type: 'category'; numbers: number[]; distinct: Distinct }

/** All rows of a table, by column in the order of their names. */
export interface TabularRows {
  columns: ReadonlyMap<string, ColumnValues>
  labels: string[]
  classOf: Int32Array
  folds: Uint8Array
}

/** Reads a table with these columns. Throws BAD_DATA, naming line and column. */
export async function readTable(
  path: string,
  spec: { label: string; columns: Readonly<Record<string, Column>> },
): Promise<TabularRows> {
  if (Object.hasOwn(spec.columns, spec.label)) {
    const message = `the label ${spec.label} is one of the columns: it would predict itself`
    throw new TrainingError('BAD_DATA', message)
  }
  const columns = new Map(
    Object.entries(spec.columns)
      .toSorted(([a], [b]) => byCodeUnit(a, b))
      .map(([name, column]) => [name, emptyColumn(column)]),
  )
  const labels = new Labels(spec.label)
  const folds: number[] = []
  await readRows(path, [...columns.keys(), spec.label], (fields, line) => {
    let place = 0
    for (const [name, column] of columns) addValue(column, fields[place++] ?? '', { name, line })
    labels.add(fields[place] ?? '', line)
    folds.push(foldOf(fields))
  })
  return { columns, ...labels.finish(), folds: Uint8Array.from(folds) }
}

function emptyColumn(column: Column): ColumnValues {
  switch (column.type) {
    case 'number':
      return { type: 'number', values: [] }
    case 'cyclic':
      return { type: 'cyclic', period: column.period, values: [] }
    case 'category':
      return { type: 'category', numbers: [], distinct: new Distinct() }
  }
}

function addValue(
  column: ColumnValues,
  field: string,
  { name, line }: { name: string; line: number },
): void {
  if (column.type === 'category') {
    checkLength(field, name, line)
    column.numbers.push(column.distinct.numberOf(field))
    return
  }
  const text = field.trim()
  // The served model takes floats, so it learns from what a float can hold.
  const value = Math.fround(Number(text))
  if (!NUMBER.test(text)) throw badLine(line, `${name} is ${show(field)}, which is not a number`)
  if (!Number.isFinite(value)) throw badLine(line, `${name} is ${show(field)}: too large`)
  column.values.push(value)
}
