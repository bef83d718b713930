import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { CliError, Exit } from './output.ts'

const ANSWER_MS_MAX = 30_000
const UPLOAD_MS_MAX = 600_000

/** A part that was killed is back within moments; its callers wait for it that long. */
const RESTART_MS_MAX = 10_000
const RETRY_MS = 100

const Refused = z.object({ cause: z.object({ code: z.string() }) })

/** What was refused was never heard; what broke off may be said again where twice is like once. */
function isWorthAnother(cause: unknown, { method = 'GET', body }: RequestInit): boolean {
  const refused = Refused.safeParse(cause)
  if (!refused.success || body instanceof ReadableStream) return false
  const { code } = refused.data.cause
  if (code === 'ECONNREFUSED') return true
  return ['ECONNRESET', 'UND_ERR_SOCKET'].includes(code) && method !== 'POST'
}

const ErrorBody = z.object({ error: z.string() })

/** Calls one app's API: JSON in, checked JSON out, and errors that say what to do. */
export interface Client {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>
  /** Like `get`, where 404 is undefined. */
  find<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined>
  send<T>(
    method: 'PUT' | 'POST' | 'DELETE',
    path: string,
    body: object,
    schema: z.ZodType<T>,
  ): Promise<T>
  /** Uploads bytes under their digest. */
  upload(path: string, content: string | Uint8Array): Promise<void>
  uploadFile(path: string, file: string): Promise<void>
}

/** A client of the app at `url`. */
export function makeClient(name: string, url: string, token: string): Client {
  async function call(path: string, init: RequestInit, msMax = ANSWER_MS_MAX): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${token}`)
    const signal = AbortSignal.timeout(msMax)
    const deadline = performance.now() + RESTART_MS_MAX
    for (;;) {
      try {
        return await fetch(`${url}${path}`, { ...init, headers, signal })
      } catch (cause) {
        if (performance.now() < deadline && isWorthAnother(cause, init)) {
          await wait(RETRY_MS)
          continue
        }
        throw new CliError(Exit.DEPENDENCY_DOWN, `${name} at ${url} does not answer`, { cause })
      }
    }
  }

  async function answer<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
    if (!response.ok) throw await toError(response)
    return schema.parse(await response.json())
  }

  async function put(path: string, init: RequestInit): Promise<void> {
    const response = await call(path, { method: 'PUT', ...init }, UPLOAD_MS_MAX)
    if (!response.ok) throw await toError(response)
    await response.body?.cancel()
  }

  return {
    get: async (path, schema) => await answer(await call(path, {}), schema),
    async find(path, schema) {
      const response = await call(path, {})
      if (response.status !== 404) return await answer(response, schema)
      await response.body?.cancel()
      return undefined
    },
    async send(method, path, body, schema) {
      const headers = { 'content-type': 'application/json' }
      return await answer(await call(path, { method, headers, body: JSON.stringify(body) }), schema)
    },
    upload: async (path, content) => await put(path, { body: content }),
    async uploadFile(path, file) {
      const { size } = await stat(file)
      const body = Readable.toWeb(createReadStream(file))
      await put(path, { body, duplex: 'half', headers: { 'content-length': `${size}` } })
    },
  }
}

const EXIT_BY_STATUS = new Map<number, Exit>([
  [400, Exit.USAGE],
  [401, Exit.UNAUTHORIZED],
  [403, Exit.UNAUTHORIZED],
  [404, Exit.NOT_FOUND],
  [409, Exit.CONFLICT],
  [413, Exit.USAGE],
  [503, Exit.DEPENDENCY_DOWN],
])

async function toError(response: Response): Promise<CliError> {
  const body = ErrorBody.safeParse(await response.json().catch(() => undefined))
  const exit = EXIT_BY_STATUS.get(response.status) ?? Exit.FAILED
  return new CliError(exit, body.success ? body.data.error : `HTTP ${response.status}`)
}
