import { Cron } from 'croner'

const WINDOWS_MAX = 50
const MINUTE_MS = 60_000
const LENGTH_MS_MAX = 7 * 24 * 60 * MINUTE_MS
/** Windows that follow on each other without a gap are joined up to so many times. */
const JOINS_MAX = 200
const FIELDS = 5

/** A time that comes again and again, in which model servers may be replaced. */
export interface Window {
  /** As it was set. */
  text: string
  cron: Cron
  /** Of elapsed time, so that a change of the clocks makes no window longer or shorter. */
  lengthMs: number
}

/** Whether the windows are open at a moment: no windows at all are always open. */
export type Opening =
  | { isOpen: true; closesAt: string | undefined }
  | { isOpen: false; opensAt: string }

/** What is wrong with a list of windows. */
export class WindowError extends Error {
  override readonly name = 'WindowError'
}

/**
 * Reads a list of `<minute> <hour> <day> <month> <weekday> <time zone> <length>`, parted by `;`.
 * Throws a WindowError that names the window and what is wrong with it.
 */
export function parseWindows(list: string): Window[] {
  const texts = list.split(';').flatMap((text) => text.trim().replaceAll(/\s+/g, ' ') || [])
  if (texts.length > WINDOWS_MAX) throw new WindowError(`more than ${WINDOWS_MAX} windows`)
  return texts.map(parseWindow)
}

function parseWindow(text: string): Window {
  const parts = text.split(' ')
  const [zone = '', length = ''] = parts.slice(FIELDS)
  if (parts.length !== FIELDS + 2) {
    throw new WindowError(
      `"${text}" has ${parts.length} parts: five of cron, a time zone and a length are needed`,
    )
  }
  const lengthMs = parseLength(text, length)
  checkZone(text, zone)
  const pattern = parts.slice(0, FIELDS).join(' ')
  // Croner's `?` is the moment of the start, which would be another one in each life.
  if (pattern.includes('?')) throw new WindowError(`"${text}": "?" says no time`)
  const cron = parseCron(text, pattern, zone)
  if (cron.nextRun() === null) throw new WindowError(`"${text}" never opens`)
  return { text, cron, lengthMs }
}

function parseLength(text: string, length: string): number {
  const [, hours = '0', minutes = '0'] = /^(?=\d)(?:(\d{1,4})h)?(?:(\d{1,5})m)?$/.exec(length) ?? []
  const lengthMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
  if (lengthMs > 0 && lengthMs <= LENGTH_MS_MAX) return lengthMs
  throw new WindowError(
    `"${text}": "${length}" is no length: write 4h, 90m or 1h30m, up to seven days`,
  )
}

function checkZone(text: string, zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone }).format(0)
  } catch (cause) {
    throw new WindowError(`"${text}": "${zone}" is no time zone, such as Europe/Berlin or UTC`, {
      cause,
    })
  }
}

function parseCron(text: string, pattern: string, timezone: string): Cron {
  try {
    return new Cron(pattern, { timezone, mode: '5-part', paused: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WindowError(`"${text}": "${pattern}" is no time: ${why}`, { cause })
  }
}

/** Whether a moment lies in one of the windows, and when that ends or begins next. */
export function openingAt(windows: readonly Window[], at: Date): Opening {
  const opensAt = closedUntil(windows, at)
  if (opensAt !== undefined) return { isOpen: false, opensAt }
  const end = openEndAt(windows, at.getTime())
  return { isOpen: true, closesAt: end === undefined ? undefined : joinedEnd(windows, end) }
}

/** When the windows open next; undefined while one is open, or where there are none. */
export function closedUntil(windows: readonly Window[], at: Date): string | undefined {
  if (windows.length === 0 || openEndAt(windows, at.getTime()) !== undefined) return undefined
  const next = windows.flatMap(({ cron }) => cron.nextRun(at)?.getTime() ?? [])
  return new Date(Math.min(...next)).toISOString()
}

/** The latest end of the windows that are open at a moment; undefined when none is. */
export function openEndAt(windows: readonly Window[], atMs: number): number | undefined {
  const ends = windows.flatMap(({ cron, lengthMs }) => {
    // Of windows of one length that overlap, the one that began last ends last. What begins at the
    // very moment counts, which croner leaves out.
    const [begin] = cron.previousRuns(1, new Date(atMs + 1))
    const end = begin === undefined ? -Infinity : begin.getTime() + lengthMs
    return end > atMs ? [end] : []
  })
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** The end of windows that overlap or follow on each other; undefined: as good as always open. */
function joinedEnd(windows: readonly Window[], first: number): string | undefined {
  let end = first
  for (let joins = 0; joins < JOINS_MAX; joins++) {
    const next = openEndAt(windows, end)
    if (next === undefined) return new Date(end).toISOString()
    end = next
  }
  return undefined
}
