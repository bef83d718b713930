import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import type { Access } from './access.ts'
import { KubeCode, KubeError, refusal } from './error.ts'
import { isPassing, TRIES_MAX, waitMs } from './retry.ts'

const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const TRY_MS = 10_000
const CALL_MS = 30_000

/** The content types of a patch that this library sends. */
export const STRATEGIC_MERGE = 'application/strategic-merge-patch+json'
const JSON_TYPE = 'application/json'

/** One request to the API server. */
export interface Ask {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  path: string
  query?: Record<string, string | undefined>
  body?: unknown
  contentType?: string
}

export interface TransportOptions {
  /** Limit of one try. 10 s unless told. */
  tryMs?: number
  /** Limit of a call with all its tries and waits. 30 s unless told. */
  callMs?: number
  random?: () => number
}

/** What was asked, for messages: no query, since a selector says little, and no body. */
export const nameOf = ({ method, path }: Ask): string => `${method} ${path}`

/** Sends requests over kept connections. All of them may be repeated without harm. */
export interface Transport {
  /** One try: the answer as it begins, whatever its status. The caller reads or destroys it. */
  open(ask: Ask, signal: AbortSignal): Promise<IncomingMessage>
  /** A call with its retries; throws a `KubeError` for every answer but a success. */
  call<T>(ask: Ask, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>
  close(): void
}

/** Speaks JSON with the API server behind `access`. */
export function makeTransport(access: Access, options: TransportOptions = {}): Transport {
  const { tryMs = TRY_MS, callMs = CALL_MS, random = Math.random } = options

  async function open(ask: Ask, signal: AbortSignal): Promise<IncomingMessage> {
    const { server, agent, headers: own } = await access.pass()
    const url = new URL(server.pathname.replace(/\/$/, '') + ask.path, server)
    for (const [name, value] of Object.entries(ask.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    const body = ask.body === undefined ? undefined : JSON.stringify(ask.body)
    const headers = {
      ...own,
      accept: JSON_TYPE,
      'user-agent': 'drover',
      ...(body === undefined ? {} : { 'content-type': ask.contentType ?? JSON_TYPE }),
    }
    const send = url.protocol === 'http:' ? requestHttp : requestHttps
    return await new Promise((resolve, reject) => {
      const request = send(url, { method: ask.method, agent, headers })
      // Node's own `signal` option fails the socket, and where the answer has just ended nobody
      // listens to that socket any more: the process would end by it. Without an error none does.
      const abort = (): void => void request.destroy()
      signal.addEventListener('abort', abort, { once: true })
      request.once('close', () => signal.removeEventListener('abort', abort))
      if (signal.aborted) abort()
      request.once('response', (response) => {
        // Whoever reads it hears of errors by that; one that comes when nobody reads ends the process.
        response.on('error', () => {})
        resolve(response)
      })
      // It stays for the whole life of the request: a late error would otherwise end the process.
      request.on('error', (cause) => {
        reject(new KubeError(KubeCode.UNAVAILABLE, `${nameOf(ask)}: no answer`, { cause }))
      })
      request.end(body)
    })
  }

  async function attempt(ask: Ask, signal: AbortSignal): Promise<Outcome> {
    try {
      const response = await open(ask, AbortSignal.any([signal, AbortSignal.timeout(tryMs)]))
      const status = response.statusCode ?? 0
      const body = await readJson(ask, response)
      if (status >= 200 && status < 300) return { body }
      return { failure: refusal(nameOf(ask), status, body), after: response.headers['retry-after'] }
    } catch (error) {
      if (error instanceof KubeError) return { failure: error }
      throw error
    }
  }

  async function call<T>(ask: Ask, schema: z.ZodType<T>, stop?: AbortSignal): Promise<T> {
    const deadline = AbortSignal.timeout(callMs)
    const signal = stop === undefined ? deadline : AbortSignal.any([stop, deadline])
    for (let tries = 1; ; tries++) {
      const outcome = await attempt(ask, signal)
      if ('body' in outcome) return read(ask, schema, outcome.body)
      const { failure, after } = outcome
      const { status } = failure
      // A token may have been renewed between its reading and the answer: once more with the new one.
      if (status === 401) access.renew()
      const again =
        status === 401 ? tries === 1 : failure.code === KubeCode.UNAVAILABLE && mayPass(status)
      if (!again || tries >= TRIES_MAX || signal.aborted) throw failure
      const wait = waitMs(tries - 1, after, random())
      await sleep(wait, undefined, { signal }).catch(() => {
        throw failure
      })
    }
  }

  return { open, call, close: () => access.close() }
}

type Outcome = { body: unknown } | { failure: KubeError; after?: string | undefined }

const mayPass = (status: number | undefined): boolean => status === undefined || isPassing(status)

/** What the API server said, as we understand it: an answer of another shape is `INVALID`. */
export function read<T>(ask: Ask, schema: z.ZodType<T>, body: unknown): T {
  const value = schema.safeParse(body)
  if (value.success) return value.data
  throw new KubeError(KubeCode.INVALID, `${nameOf(ask)}: an answer that is not understood`, {
    cause: value.error,
  })
}

/** The whole body; undefined where it is no JSON, as an error page of a proxy. */
export async function readJson(ask: Ask, response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      const part = Buffer.from(chunk)
      bytes += part.length
      if (bytes > ANSWER_BYTES_MAX) {
        throw new KubeError(
          KubeCode.INVALID,
          `${nameOf(ask)}: an answer of more than ${ANSWER_BYTES_MAX} bytes`,
        )
      }
      chunks.push(part)
    }
  } catch (cause) {
    if (cause instanceof KubeError) throw cause
    throw new KubeError(KubeCode.UNAVAILABLE, `${nameOf(ask)}: the answer broke off`, { cause })
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return body
  } catch {
    return undefined
  }
}
