/** One HTTP request, and what is to come back. */
export interface RestCase {
  name: string
  request: RestRequest
  expect: RestAnswer
  /** Why this server is not to answer as upstream's does; such a case is not put to any other server. */
  better?: string
}

/** A request as it goes on the wire. */
export interface RestRequest {
  method: string
  /** Path and query, one byte a character. */
  path: string
  body?: string | Uint8Array
  headers?: Readonly<Record<string, string>>
}

/** Only what is given is looked at. */
export interface RestAnswer {
  status: number
  /** The body, byte for byte. */
  body?: string
  /** The body as a value. */
  json?: unknown
  /** Parts of the body. */
  contains?: readonly string[]
  /** By names in small letters; undefined for one that must not be there. */
  headers?: Readonly<Record<string, string | undefined>>
}

export const post = (path: string, body: string | Uint8Array): RestRequest => ({
  method: 'POST',
  path: `/v1/models/${path}`,
  body,
})

export const get = (path: string): RestRequest => ({ method: 'GET', path })

/** The body of an error. */
export const error = (message: string): string => `{\n    "error": ${JSON.stringify(message)}\n}`

/** A request that is answered by this value as JSON. */
export const answered = (name: string, request: RestRequest, json: unknown): RestCase => ({
  name,
  request,
  expect: { status: 200, json },
})

/** A request that is answered by these bytes. */
export const written = (name: string, request: RestRequest, body: string): RestCase => ({
  name,
  request,
  expect: { status: 200, body },
})

/** A request that is refused with this message, which is all of the body. */
export const refused = (
  name: string,
  request: RestRequest,
  message: string,
  status = 400,
): RestCase => ({ name, request, expect: { status, body: error(message) } })

/** A request that is refused with a message of these parts. */
export const refusedWith = (
  name: string,
  request: RestRequest,
  parts: readonly string[],
  status = 400,
): RestCase => ({
  name,
  request,
  // Between quotes of JSON, as `error` writes a message.
  expect: { status, contains: parts.map((part) => JSON.stringify(part).slice(1, -1)) },
})

/** Lists in lists. */
export const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
