/** Rows of which the label follows the hour, so that a model of them beats the prior. */
export function makeRows(count = 200): string[] {
  return Array.from({ length: count }, (_, row) => {
    const hour = row % 24
    return `${hour},${100 + ((row * 37) % 900)},${hour > 14 ? 'late' : 'on-time'}`
  })
}

export const HEADER = 'hour,distance,late'

/** A CSV file of rows. */
export const makeCsv = (rows: readonly string[] = makeRows(), header = HEADER): string =>
  [header, ...rows, ''].join('\n')

/** The recipe for such rows. */
export const FLIGHTS = {
  name: 'tabular-classifier',
  label: 'late',
  columns: { hour: { type: 'cyclic', period: 24 }, distance: { type: 'number' } },
} as const

/** A raw row of them to ask about. */
export const ROW = { hour: 21, distance: 500 }
