// Ragged tensors in signatures, which say nothing of them: the values have the name of the argument, and where
// its rows begin and end comes behind it as `x_1`, `x_2` and so on, the outermost first.

import type { TensorInfo } from '@drover/serving-api'

const SPLITS_MAX = 8
const ROWS = 2
const ROWS_MAX = 10_000
/** One more than there are rows, so that these are not all alike. */
const VALUES = 3

/** What is asked of an input that is part of a ragged tensor. */
export type RaggedPart = { splits: readonly number[] } | { count: number }

/** The parts of what may be ragged tensors, in themselves consistent; none where nothing looks like one. */
export function raggedIn(inputs: Readonly<Record<string, TensorInfo>>): Map<string, RaggedPart> {
  const parts = new Map<string, RaggedPart>()
  for (const [alias, { shape: [values] = [] }] of Object.entries(inputs)) {
    const names = splitsOf(alias, inputs)
    if (values === undefined || names.length === 0) continue
    const count = sizeOr(values, VALUES)
    // How many rows there are at each level, the values being those of the last one.
    const rows = [...names.map((name) => sizeOr(inputs[name]?.shape?.[0], ROWS + 1) - 1), count]
    for (const [level, name] of names.entries())
      parts.set(name, { splits: spread(rows[level] ?? 0, rows[level + 1] ?? 0) })
    parts.set(alias, { count })
  }
  return parts
}

/** The inputs behind one that may be its splits. */
function splitsOf(alias: string, inputs: Readonly<Record<string, TensorInfo>>): string[] {
  const found: string[] = []
  while (found.length < SPLITS_MAX) {
    const name = `${alias}_${found.length + 1}`
    const info = Object.hasOwn(inputs, name) ? inputs[name] : undefined
    if (info === undefined || !maySplit(info)) break
    found.push(name)
  }
  return found
}

function maySplit({ dtype, shape = [] }: TensorInfo): boolean {
  const [size = 0, ...more] = shape
  const isVector = size !== 0 && size <= ROWS_MAX && more.length === 0
  return isVector && (dtype === 'DT_INT64' || dtype === 'DT_INT32')
}

const sizeOr = (size = -1, other: number): number => (size < 0 ? other : size)

/** Where each of some rows begins among what is in all of them, and where the last one ends. */
const spread = (rows: number, count: number): number[] =>
  Array.from({ length: rows + 1 }, (_, row) => Math.floor((row * count) / Math.max(rows, 1)))
