// What the README's tables of measurements say of their own goals.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './support/root.ts'

const MISSED = '**missed**'
const NUMBER = /\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?/g

const cellsOf = (row: string): string[] =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

/** The rows of all tables whose last column is a goal. */
function readGoals(): string[][] {
  const rows: string[][] = []
  let isGoals = false
  for (const line of readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n')) {
    const cells = line.startsWith('|') ? cellsOf(line) : []
    if (cells.at(-1) === 'goal') isGoals = true
    else if (cells.length === 0) isGoals = false
    else if (isGoals && !line.startsWith('| ---')) rows.push(cells)
  }
  return rows
}

/** The largest number of each part; what follows `per` is what it is counted by. */
const numbersOf = (cell: string): number[] =>
  cell
    .split(/[;,] /)
    .map((part) => part.split(' per ')[0]?.match(NUMBER) ?? [])
    .map((found) => Math.max(...found.map((text) => Number(text.replaceAll(',', '')))))

/** In tables of CPU a request the goal is for the ratio, which stands in brackets. */
const measuredOf = (cells: readonly string[]): number[] =>
  cells.length > 3
    ? cells.slice(1, -1).map((cell) => Number(/\((.*?)\)/.exec(cell)?.[1]))
    : numbersOf(cells[1] ?? '')

/** Where there are more figures than goals, the last goal is for all that follow. */
const missesOf = (cells: readonly string[]): number => {
  const goals = numbersOf((cells.at(-1) ?? '').replaceAll(/ \(.*?\)(?=,|;|$)/g, ''))
  return measuredOf(cells).filter((each, at) => each > (goals[at] ?? goals.at(-1) ?? Number.NaN))
    .length
}

describe('a goal is marked as missed where the figure beside it is above it, and nowhere else', () => {
  test.each(readGoals().map((cells) => [cells[0], cells] as const))('%s', (_, cells) => {
    const marks = (cells.at(-1) ?? '').split(MISSED).length - 1

    expect(marks).toBe(missesOf(cells))
  })
})
