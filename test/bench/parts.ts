import type { BenchRow } from './main.ts'

/** Measures one kind of figures; quickly: only whether they can be had, at sizes that say nothing. */
export type Part = (isQuick: boolean) => AsyncGenerator<BenchRow>

/** The figures of the parts that are named, or of all. Throws for a name that there is none of. */
export async function* partsOf(
  parts: ReadonlyMap<string, Part>,
  names: readonly string[],
  isQuick: boolean,
): AsyncGenerator<BenchRow> {
  const unknown = names.find((name) => !parts.has(name))
  if (unknown !== undefined)
    throw new Error(`no part ${unknown}; there is ${[...parts.keys()].join(', ')}`)
  for (const [name, part] of parts)
    if (names.length === 0 || names.includes(name)) yield* part(isQuick)
}
