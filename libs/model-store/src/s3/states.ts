import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Content, corrupt } from '../checks.ts'
import type { State } from '../store.ts'
import { bodyOf, type Condition, get, type Place, putIf } from './objects.ts'

// An object that moves by compare-and-swap is one S3 object, `<key>.d`. Its first line is the
// envelope, the rest is the content. An ETag is a digest of the body, so the attempt's own id makes
// two states of equal content different, and no old ETag ever comes back.

const LINE_FEED = 0x0a
const SUFFIX = '.d'
/** How many writers may overtake one whose answer was lost before it no longer finds its id. */
const ATTEMPTS_KEPT = 16

const Envelope = z.object({
  format: z.literal(1),
  seq: z.int().min(0),
  /** The ids of the writers, the newest first. */
  attempts: z.array(z.string()).min(1),
})
type Envelope = z.output<typeof Envelope>

function parse(key: string, content: Uint8Array) {
  const end = content.indexOf(LINE_FEED)
  try {
    const line = Buffer.from(content.subarray(0, Math.max(0, end))).toString()
    return { envelope: Envelope.parse(JSON.parse(line)), content: content.subarray(end + 1) }
  } catch {
    throw corrupt(key, 'has no envelope of a state')
  }
}

async function readWithTag(place: Place, key: string) {
  const found = await get(place, key + SUFFIX)
  return found && { etag: found.etag, ...parse(key, found.content) }
}

/** The state; undefined before the first. */
export async function readState(place: Place, key: string): Promise<State | undefined> {
  const found = await readWithTag(place, key)
  return found && { seq: found.envelope.seq, content: found.content }
}

/** Makes the first state; false when there is one. */
export async function makeFirst(
  place: Place,
  key: string,
  { seq, content }: { seq: number; content: Content },
): Promise<boolean> {
  const condition = { absent: true } as const
  return await write(place, key, { envelope: { seq, attempts: [] }, content, condition })
}

/** Makes the state after `from`; false when that is not the state, undefined when there is none. */
export async function makeNext(
  place: Place,
  key: string,
  { from, content }: { from: number; content: Content },
): Promise<boolean | undefined> {
  const found = await readWithTag(place, key)
  if (found === undefined) return undefined
  if (found.envelope.seq !== from) return false
  const { attempts } = found.envelope
  const envelope = { seq: from + 1, attempts: attempts.slice(0, ATTEMPTS_KEPT - 1) }
  return await write(place, key, { envelope, content, condition: { etag: found.etag } })
}

async function write(
  place: Place,
  key: string,
  next: { envelope: Omit<Envelope, 'format'>; content: Content; condition: Condition },
): Promise<boolean> {
  const attempt = randomUUID()
  const { seq, attempts } = next.envelope
  const line = JSON.stringify({ format: 1, seq, attempts: [attempt, ...attempts] })
  const body = bodyOf(Buffer.concat([Buffer.from(`${line}\n`), Buffer.from(next.content)]))
  const isOwn = async () =>
    (await readWithTag(place, key))?.envelope.attempts.includes(attempt) === true
  return await putIf(place, key + SUFFIX, { body, condition: next.condition, attempt, isOwn })
}
