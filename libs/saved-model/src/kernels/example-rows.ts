// Makes tensors of what was found in examples: of a feature, the values in each example, if it is there.

import { type ValueType, copyInto, countOf, integers, type Value, zeros } from '../values.ts'
import type { FeatureType } from './example-reader.ts'

/** The values of a feature by example; undefined where there are none. */
export type Rows = readonly (Value | undefined)[]

export const lengthOf = (row: Value | undefined): number => row?.values.length ?? 0

const longest = (rows: Rows): number => rows.reduce((most, row) => Math.max(most, lengthOf(row)), 0)

/** All values, one row after the other. */
export function joined(rows: Rows, type: FeatureType): Value {
  const value = zeros(type, [rows.reduce((sum, row) => sum + lengthOf(row), 0)])
  let at = 0
  for (const row of rows) {
    if (row !== undefined) copyInto({ value, at }, { value: row, at: 0 }, lengthOf(row))
    at += lengthOf(row)
  }
  return value
}

/** Where each row begins and the last one ends. */
export const splitsOfRows = (rows: Rows, type: ValueType): Value =>
  splitsOfLengths(rows.map(lengthOf), type)

/** The same of rows of such lengths. */
export function splitsOfLengths(lengths: readonly number[], type: ValueType): Value {
  const ends = [0]
  for (const length of lengths) ends.push((ends.at(-1) ?? 0) + length)
  return integers(type, [ends.length], ends)
}

/** [row, column] of each value and [rows, most columns]; of a single example the columns alone. */
export function placesOf(rows: Rows, isSingle: boolean): { indices: Value; shape: Value } {
  const places: number[] = []
  for (const [row, value] of rows.entries())
    for (let column = 0; column < lengthOf(value); column++)
      if (isSingle) places.push(column)
      else places.push(row, column)
  const width = isSingle ? 1 : 2
  const shape = isSingle ? [longest(rows)] : [rows.length, longest(rows)]
  return {
    indices: integers('DT_INT64', [places.length / width, width], places),
    shape: integers('DT_INT64', [width], shape),
  }
}

/** Rows of so many values each, `fallback` where there are none. */
export function even(
  rows: Rows,
  {
    type,
    shape,
    fallback,
  }: { type: FeatureType; shape: readonly number[]; fallback: Value | undefined },
): Value {
  const value = zeros(type, [rows.length, ...shape])
  const stride = countOf(shape)
  for (const [row, found] of rows.entries()) {
    const from = found ?? fallback
    if (from !== undefined) copyInto({ value, at: row * stride }, { value: from, at: 0 }, stride)
  }
  return value
}

/** Rows as long as the longest, filled up with one value; each is made of pieces of a shape. */
export function filledUp(
  rows: Rows,
  {
    type,
    piece,
    fallback,
  }: { type: FeatureType; piece: readonly number[]; fallback: Value | undefined },
): Value {
  const width = longest(rows)
  const value = zeros(type, [rows.length, width / countOf(piece), ...piece])
  for (const [row, found] of rows.entries()) {
    const [at, length] = [row * width, lengthOf(found)]
    if (found !== undefined) copyInto({ value, at }, { value: found, at: 0 }, length)
    if (fallback !== undefined)
      for (let index = length; index < width; index++)
        copyInto({ value, at: at + index }, { value: fallback, at: 0 }, 1)
  }
  return value
}
