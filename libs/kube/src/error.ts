import { z } from 'zod'

/** What went wrong, for whoever has to decide. */
export const KubeCode = {
  /** The object has changed since it was read, or exists already: read again, then decide again. */
  CONFLICT: 'CONFLICT',
  NOT_FOUND: 'NOT_FOUND',
  /** The API server does not know us, or we may not do this: only a person can change that. */
  FORBIDDEN: 'FORBIDDEN',
  /** No answer, an answer too late, or one that says "not now": it may work later. */
  UNAVAILABLE: 'UNAVAILABLE',
  /** The request, or an answer, is not what was agreed on: trying again changes nothing. */
  INVALID: 'INVALID',
} as const
export type KubeCode = (typeof KubeCode)[keyof typeof KubeCode]

/** A failed call to the API server. Neither its message nor its cause holds headers or a body. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly code: KubeCode
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined

  constructor(code: KubeCode, message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options)
    this.code = code
    this.status = options?.status
  }
}

const SAID_CHARS_MAX = 500

const Status = z.object({ message: z.string() })

/** What kind of failure an HTTP status is. */
export function codeOfStatus(status: number): KubeCode {
  if (status === 409) return KubeCode.CONFLICT
  if (status === 404) return KubeCode.NOT_FOUND
  if (status === 401 || status === 403) return KubeCode.FORBIDDEN
  // 410 says that a list or a watch must begin anew, so it may work then.
  if (status === 408 || status === 410 || status === 429) return KubeCode.UNAVAILABLE
  return status >= 500 ? KubeCode.UNAVAILABLE : KubeCode.INVALID
}

/** The API server's refusal in its own words, as far as they fit. */
export function refusal(doing: string, status: number, body: unknown): KubeError {
  const said = Status.safeParse(body)
  const words = said.success ? `: ${said.data.message.slice(0, SAID_CHARS_MAX)}` : ''
  return new KubeError(codeOfStatus(status), `${doing}: answered ${status}${words}`, { status })
}
