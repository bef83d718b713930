import { WriteStream } from 'node:tty'

/** Exit codes, as documented in the README. */
export const Exit = {
  OK: 0,
  FAILED: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  UNAUTHORIZED: 4,
  CONFLICT: 5,
  TIMEOUT: 6,
  REJECTED: 7,
  DEPENDENCY_DOWN: 9,
  INTERRUPTED: 130,
} as const
export type Exit = (typeof Exit)[keyof typeof Exit]

/** A failure that a person reads: what to do about it is in the message. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exit: Exit

  constructor(exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exit = exit
  }
}

/** Where a command writes: data to stdout, progress to stderr. */
export interface Output {
  /** Whether the caller asked for exactly one JSON object. */
  json: boolean
  isTerminal: boolean
  /** The result: as JSON, or as the lines that say the same. */
  result(value: object, lines: readonly string[]): void
  /** What is going on, for a person who waits. */
  progress(line: string): void
  /** Writes over the lines that the last call wrote, on a terminal. */
  redraw(lines: readonly string[]): void
}

/** An output on this process's own streams. */
export function makeOutput(json: boolean): Output {
  const terminal = process.stderr instanceof WriteStream ? process.stderr : undefined
  let drawn = 0
  return {
    json,
    isTerminal: terminal !== undefined,
    result(value, lines) {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`)
    },
    progress(line) {
      process.stderr.write(`${line}\n`)
    },
    redraw(lines) {
      if (terminal === undefined) return
      if (drawn > 0) terminal.moveCursor(0, -drawn)
      terminal.cursorTo(0)
      terminal.clearScreenDown()
      // A line that wraps, or one that scrolled away, cannot be written over.
      const fitting = lines.slice(0, Math.max(1, terminal.rows - 1))
      const widthMax = Math.max(1, terminal.columns - 1)
      for (const line of fitting) terminal.write(`${line.slice(0, widthMax)}\n`)
      drawn = fitting.length
    },
  }
}

/** Columns padded to the same width, two blanks between them. */
export function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    }
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
