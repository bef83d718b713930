import { badLine } from './csv.ts'
import { TrainingError } from './errors.ts'

export const CLASSES_MAX = 1_000
/** Longer values are no names of anything; they would also be stored in the model. */
export const VALUE_CHARACTERS_MAX = 1_000

/** The distinct values of a column, numbered as they come. */
export class Distinct {
  readonly values: string[] = []
  readonly #numbers = new Map<string, number>()

  numberOf(value: string): number {
    const known = this.#numbers.get(value)
    if (known !== undefined) return known
    this.#numbers.set(value, this.values.length)
    return this.values.push(value) - 1
  }
}

/** The labels of the rows, in the order in which they were read. */
export class Labels {
  readonly #column: string
  readonly #distinct = new Distinct()
  readonly #numbers: number[] = []

  constructor(column: string) {
    this.#column = column
  }

  add(label: string, line: number): void {
    if (label === '') throw badLine(line, `the label ${this.#column} is empty`)
    checkLength(label, this.#column, line)
    this.#numbers.push(this.#distinct.numberOf(label))
    if (this.#distinct.values.length > CLASSES_MAX) {
      const message = `the label ${this.#column} has more than ${CLASSES_MAX} different values`
      throw badLine(line, message)
    }
  }

  /** The classes in a fixed order, and which one each row has. */
  finish(): { labels: string[]; classOf: Int32Array } {
    const { values } = this.#distinct
    if (values.length < 2) {
      const message = `every row has the label ${JSON.stringify(values[0])}; it takes two classes`
      throw new TrainingError('BAD_DATA', message)
    }
    const labels = values.toSorted(byCodeUnit)
    const places = new Map(labels.map((label, place) => [label, place]))
    const placeOf = values.map((value) => places.get(value) ?? 0)
    return { labels, classOf: Int32Array.from(this.#numbers, (number) => placeOf[number] ?? 0) }
  }
}

export function checkLength(value: string, column: string, line: number): void {
  if (value.length > VALUE_CHARACTERS_MAX) {
    throw badLine(line, `${column} has more than ${VALUE_CHARACTERS_MAX} characters`)
  }
}

/** An order that is the same in every locale. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
