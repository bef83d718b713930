// Follows a list of objects. Its states and moves:
//   listing   -> watching  by the list's resourceVersion
//   watching  -> watching  at the end of a watch or after silence, from the last version that was seen
//   watching  -> listing   when that version is too old for the API server (410)
//   any       -> waiting   after a failure, and after a watch that brought nothing; then as before
// It ends by its signal only.

import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { codeOfStatus, KubeCode, KubeError, refusal } from './error.ts'
import { listAll } from './list.ts'
import { backoffMs } from './retry.ts'
import { type Ask, nameOf, read, readJson, type Transport } from './transport.ts'

/** The API server ends a watch itself after this long. */
const WATCH_SECONDS = 240
/** It sends a bookmark each minute, so this long without a byte is a connection that is dead. */
const SILENCE_MS = 90_000
const LINE_CHARS_MAX = 4 * 1024 * 1024

const WatchEvent = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
})
const Versioned = z.object({ metadata: z.object({ resourceVersion: z.string() }) })
const Status = z.object({ code: z.number().default(500), message: z.string().default('') })

export interface FollowOptions<T> {
  path: string
  /** Selectors. */
  query?: Record<string, string>
  schema: z.ZodType<T>
  signal: AbortSignal
  /** Hears of the whole list: at the start, and whenever events may have been missed. */
  onList: (items: T[]) => void
  onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED', item: T) => void
  /** Hears of what is tried again. */
  onTrouble: (error: KubeError) => void
  silenceMs?: number
  random?: () => number
  /** Goes on from here instead of listing. */
  from?: string
}

/** Follows a list until the signal. What a callback throws ends it. */
export async function follow<T>(transport: Transport, options: FollowOptions<T>): Promise<void> {
  const { signal, random = Math.random } = options
  const seen: Seen = { version: options.from, attempt: 0 }
  while (!signal.aborted) {
    try {
      if (seen.version === undefined) {
        const list = await listAll(transport, options, options.schema, signal)
        options.onList(list.items)
        seen.version = list.resourceVersion
      }
      const end = await watchOnce(transport, options, seen)
      if (end === 'expired') seen.version = undefined
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (signal.aborted) return
      options.onTrouble(error)
    }
    // After events this is the shortest wait; a watch that brings nothing is not begun without a pause.
    const wait = backoffMs(seen.attempt++, random())
    await sleep(wait, undefined, { signal }).catch(() => {})
  }
}

/** What one watch leaves to the next. */
interface Seen {
  version: string | undefined
  attempt: number
}

async function watchOnce<T>(
  transport: Transport,
  options: FollowOptions<T>,
  seen: Seen,
): Promise<'ended' | 'expired'> {
  const { path, query, signal, silenceMs = SILENCE_MS } = options
  const ask: Ask = {
    method: 'GET',
    path,
    query: {
      ...query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: `${WATCH_SECONDS}`,
      resourceVersion: seen.version,
    },
  }
  const quiet = new AbortController()
  const timer = setTimeout(() => quiet.abort(), silenceMs)
  try {
    const response = await transport.open(ask, AbortSignal.any([signal, quiet.signal]))
    const status = response.statusCode ?? 0
    if (status === 410) {
      response.destroy()
      return 'expired'
    }
    if (status !== 200) throw refusal(nameOf(ask), status, await readJson(ask, response))
    response.setEncoding('utf8')
    for await (const line of linesOf(ask, response, () => timer.refresh())) {
      if (!take(ask, line, options, seen)) return 'expired'
    }
    return 'ended'
  } catch (error) {
    // Silence is an end like any other: the next watch goes on from what was seen.
    if (quiet.signal.aborted && error instanceof KubeError) return 'ended'
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Takes one event in. False: the version that was asked for is too old. */
function take<T>(ask: Ask, line: string, options: FollowOptions<T>, seen: Seen): boolean {
  const { type, object } = read(ask, WatchEvent, parseJson(line))
  if (type === 'ERROR') {
    const { code, message } = read(ask, Status, object)
    if (code === 410) return false
    throw new KubeError(codeOfStatus(code), `${nameOf(ask)}: ${message.slice(0, 500)}`)
  }
  const { metadata } = read(ask, Versioned, object)
  if (type !== 'BOOKMARK') options.onEvent(type, read(ask, options.schema, object))
  seen.version = metadata.resourceVersion
  seen.attempt = 0
  return true
}

function parseJson(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    return value
  } catch {
    return undefined
  }
}

async function* linesOf(
  ask: Ask,
  stream: AsyncIterable<unknown>,
  onChunk: () => void,
): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of stream) {
      onChunk()
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LINE_CHARS_MAX) {
        throw new KubeError(KubeCode.INVALID, `${nameOf(ask)}: an event that is too long`)
      }
      yield* lines.filter((line) => line !== '')
    }
  } catch (cause) {
    if (cause instanceof KubeError) throw cause
    throw new KubeError(KubeCode.UNAVAILABLE, `${nameOf(ask)}: the watch broke off`, { cause })
  }
}
