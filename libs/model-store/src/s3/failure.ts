import { z } from 'zod'
import { ModelStoreCode, ModelStoreError } from '../store.ts'

const Answered = z.object({
  name: z.string(),
  code: z.string().optional(),
  $metadata: z.object({ httpStatusCode: z.int().optional() }).optional(),
})
/** Codes come from the server, and from whoever is in between. */
const CODE = /^[\w.:-]{1,64}$/
const PASSING_STATUSES = new Set([408, 409, 429])
const PASSING_CODES = new Set(['RequestTimeout', 'RequestTimeTooSkewed', 'SlowDown'])
/** A gateway over folders says so itself when a key would be the prefix of another. */
const CALLERS_MISTAKES = new Set([
  'KeyTooLongError',
  'ObjectParentIsFile',
  'ExistingObjectIsDirectory',
])
/** Nobody will answer otherwise a moment later. */
const LASTING_CODES = new Set(['CredentialsProviderError', 'ERR_INVALID_URL'])

/**
 * What a request came to, in words of our own. The SDK's errors carry headers, signatures and what
 * the server wrote, which may name keys and credentials, so none of them is ever handed on.
 */
export class S3Failure extends Error {
  override readonly name = 'S3Failure'
  /** The status of the answer; undefined where there was none. */
  readonly status: number | undefined
  readonly code: string

  constructor(error: unknown) {
    const answered = Answered.safeParse(error)
    const { name, code = name, $metadata } = answered.success ? answered.data : { name: 'unknown' }
    const status = $metadata?.httpStatusCode
    const safe = CODE.test(code) ? code : 'unknown'
    super(status === undefined ? `no whole answer: ${safe}` : `the answer is ${status} ${safe}`)
    this.status = status
    this.code = safe
  }

  /** Whether the same request may get another answer a moment later. */
  get isPassing(): boolean {
    if (CALLERS_MISTAKES.has(this.code) || LASTING_CODES.has(this.code)) return false
    const { status } = this
    // A body that is cut off has the status of its beginning.
    if (status === undefined || status < 400 || status >= 500) return true
    return PASSING_STATUSES.has(status) || PASSING_CODES.has(this.code)
  }

  /** Whether the request may have been carried out all the same. */
  get mayBeDone(): boolean {
    return this.status === undefined || this.status < 400 || this.status >= 500
  }

  get isAbsence(): boolean {
    return this.status === 404 && this.code !== 'NoSuchBucket'
  }
}

export function toFailure(error: unknown): S3Failure {
  return error instanceof S3Failure ? error : new S3Failure(error)
}

/** What the store on S3 says, in the store's own words. */
export function toS3StoreError(error: unknown, doing: string): ModelStoreError {
  if (error instanceof ModelStoreError) return error
  const cause = toFailure(error)
  if (CALLERS_MISTAKES.has(cause.code)) {
    const message = `${doing}: no key is also a folder of keys, or too long`
    return new ModelStoreError(ModelStoreCode.INVALID, message, { cause })
  }
  return new ModelStoreError(ModelStoreCode.UNAVAILABLE, doing, { cause })
}
