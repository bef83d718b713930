import { randomUUID } from 'node:crypto'
import { ModelStoreCode, ModelStoreError } from '../store.ts'
import { type Patience, retry } from './attempts.ts'
import { S3Failure, toFailure } from './failure.ts'
import {
  bodyOf,
  type Condition,
  get,
  head,
  type Place,
  putNew,
  putOnce,
  remove,
} from './objects.ts'

/** Proves that there is a store: an emptied or mistyped bucket is no empty store. */
export const MARKER = '.store'
const PROBES = '.probe/'

/** Probes that are under way or passed, for each store of this process. */
const probed = new Map<string, Promise<void>>()

/** Throws UNAVAILABLE when the store is not there: absent objects then mean nothing. */
export async function proveThere(place: Place): Promise<void> {
  if ((await head(place, MARKER)) !== undefined) return
  const message = `there is no store in the bucket ${place.bucket} under "${place.prefix}"`
  const cause = new S3Failure({ name: 'NoMarker', $metadata: { httpStatusCode: 404 } })
  throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, message, { cause })
}

/** Makes the store, once conditional writes are proved. */
export async function makeStore(place: Place, identity: string): Promise<void> {
  let probing = probed.get(identity)
  if (probing === undefined) {
    probing = probe(place)
    probed.set(identity, probing)
  }
  try {
    await probing
  } catch (error) {
    // The store may be mended, or back, before this process ends.
    probed.delete(identity)
    throw error
  }
  await putNew(place, MARKER, bodyOf('drover\n'))
}

/**
 * Two creates of one object and two replacements of one state: the second of each must be refused,
 * or versions and the channel would be lost without anybody noticing.
 */
async function probe(place: Place): Promise<void> {
  // An answer that is lost says nothing about the store, so the next attempt takes another object.
  await retry(place.limits, async (patience) => {
    const key = `${PROBES}${randomUUID()}`
    const absent = { absent: true } as const
    const etag = await write(place, key, { text: 'first', condition: absent, patience })
    await refuse(place, key, { text: 'second', condition: absent, patience })
    await write(place, key, { text: 'third', condition: { etag }, patience })
    await refuse(place, key, { text: 'fourth', condition: { etag }, patience })
    const found = await get(place, key)
    if (found === undefined || Buffer.from(found.content).toString() !== 'third') {
      throw wrong('does not hold what it was given')
    }
    // Whoever may not delete can use the store all the same; what stays is a few bytes.
    await remove(place, key).catch(() => {})
  })
}

interface Write {
  text: string
  condition: Condition
  patience: Patience
}

async function write(place: Place, key: string, { text, condition, patience }: Write) {
  const attempt = randomUUID()
  const etag = await putOnce(place, key, { body: bodyOf(text), condition, attempt }, patience)
  if (etag === undefined || etag === '') throw wrong('gives no ETag')
  return etag
}

async function refuse(place: Place, key: string, attempt: Write): Promise<void> {
  const header = 'absent' in attempt.condition ? 'If-None-Match' : 'If-Match'
  try {
    await write(place, key, attempt)
  } catch (error) {
    if (toFailure(error).status === 412) return
    throw error
  }
  throw wrong(`ignores ${header}: a write that it had to refuse by 412 succeeded`)
}

function wrong(why: string): ModelStoreError {
  return new ModelStoreError(ModelStoreCode.INVALID, `this S3 cannot hold a store: it ${why}`)
}
