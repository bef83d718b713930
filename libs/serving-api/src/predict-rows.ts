// Gathers the rows of a predict body, each of one value or of an object with a value for each input.

import type { JsonCursor } from './json-read.ts'
import type { Tensor, TensorInfo } from './tensor.ts'
import { type Budget, TensorFiller } from './tensor-filler.ts'

/** The inputs of a signature, by alias. */
export type InputInfos = Readonly<Record<string, TensorInfo>>

/** What a body is read by. */
export interface Reading {
  infos: InputInfos
  budget: Budget
}

/**
 * Gathers rows; `add` is false for one that does not fit the signature or the rows before it, and
 * undefined where a pause is due in the midst of it: the next call goes on.
 */
export interface Rows {
  add: (cursor: JsonCursor, row: number) => boolean | undefined
  finish: (rows: number) => Record<string, Tensor>
}

/** All for the first input: of several the others are then missing, and whoever runs them says so. */
export function plainRows({ infos, budget }: Reading): Rows {
  const fillers = Object.entries(infos)
    .slice(0, 1)
    .map(([alias, { dtype }]) => [alias, new TensorFiller(dtype, budget)] as const)
  return {
    add: (cursor) => (fillers[0] === undefined ? false : fillers[0][1].add(cursor)),
    finish: (rows) =>
      Object.fromEntries(fillers.map(([alias, filler]) => [alias, filler.finish(rows)])),
  }
}

/** Rows that are objects: of each key one value for each row. */
export function namedRows({ infos, budget }: Reading): Rows {
  const fillers = new Map(
    Object.entries(infos).map(([alias, { dtype }]) => [
      alias,
      { filler: new TensorFiller(dtype, budget), rows: 0 },
    ]),
  )
  const { pauses } = budget
  // Where reading has paused: within a row, and within the value of one of its keys.
  let isInside = false
  let current: { filler: TensorFiller; rows: number } | undefined
  let keys = 0
  return {
    add: (cursor, row) => {
      if (!isInside) {
        if (cursor.typeOf() !== 'Object' || !cursor.enter()) return false
        isInside = true
        keys = 0
      }
      do {
        current ??= fillers.get(cursor.readKey())
        const isAdded = current === undefined ? false : current.filler.add(cursor)
        if (current === undefined || isAdded !== true) return isAdded
        // One that is a row ahead has met its key twice: the second has to fit and is left out.
        if (current.rows > row) current.filler.dropLast()
        else {
          current.rows++
          keys++
        }
        current = undefined
        isInside = cursor.next()
        if (!isInside) return keys === fillers.size
      } while (!pauses.isDue)
      return undefined
    },
    finish: (rows) =>
      Object.fromEntries(
        Array.from(fillers, ([alias, { filler }]) => [alias, filler.finish(rows)]),
      ),
  }
}
