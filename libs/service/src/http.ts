import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { z } from 'zod'
import type { Log } from './log.ts'

const BODY_BYTES_MAX = 1024 * 1024
const HEADERS_MS_MAX = 30_000
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']
const OPEN_PATHS = new Set(['/livez', '/readyz'])

/** A caller's mistake, or a state in which the caller can only try again: an edge's own error. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

export interface ApiOptions {
  log: Log
  /** The bearer token that callers must bring; without one only loopback callers are answered. */
  token: string | undefined
  /** Whether this process can do its work now, and why not. */
  isReady: () => { ready: boolean; why?: string }
  /** Largest JSON body in bytes; 1 MiB unless told. */
  bodyBytesMax?: number
  /** What of the caller's mistakes and of ours becomes which status; undefined is a 500. */
  translate?: (error: unknown) => ApiError | undefined
}

/**
 * An HTTP API: health, checks of Host, Origin, token and content type, JSON bodies, and one place
 * where errors become answers `{"error": "..."}`. Routes are added by `addRoutes`.
 */
export function makeApi(options: ApiOptions, addRoutes: (api: Express) => void): Express {
  const api = express().disable('x-powered-by').set('case sensitive routing', true)
  api.use(refuseForeignPages, requireToken(options.token))
  api.get('/livez', (_request, response) => {
    response.json({ ok: true })
  })
  api.get('/readyz', (_request, response) => {
    const readiness = options.isReady()
    response.status(readiness.ready ? 200 : 503).json(readiness)
  })
  api.use(requireJson, express.json({ limit: options.bodyBytesMax ?? BODY_BYTES_MAX }))
  addRoutes(api)
  api.use((request) => {
    throw new ApiError(404, `there is no ${request.method} ${request.path}`)
  })
  api.use(answerError(options))
  return api
}

/** A page of another origin must not reach an API on loopback through somebody's browser. */
const refuseForeignPages: RequestHandler = (request, _response, next) => {
  const { origin, host = '' } = request.headers
  const isLoopback = request.socket.remoteAddress?.match(/^(::1|(::ffff:)?127\.)/)
  const name = host.replace(/:\d+$/, '')
  if (isLoopback && !LOOPBACK_HOSTS.includes(name)) {
    throw new ApiError(403, `the Host header ${JSON.stringify(host)} is not this machine`)
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new ApiError(403, `the Origin ${JSON.stringify(origin)} may not use this API`)
  }
  next()
}

function requireToken(token: string | undefined): RequestHandler {
  const wanted = Buffer.from(`Bearer ${token ?? ''}`)
  return (request, _response, next) => {
    const given = Buffer.from(request.headers.authorization ?? '')
    const fits =
      token === undefined || (given.length === wanted.length && timingSafeEqual(given, wanted))
    if (!fits && !OPEN_PATHS.has(request.path)) {
      throw new ApiError(401, 'this API needs the header authorization: Bearer <token>')
    }
    next()
  }
}

/** A form or a script of another page can send any body but not this content type without asking. */
const requireJson: RequestHandler = (request, _response, next) => {
  const hasBody = request.headers['content-length'] !== '0' && request.method !== 'GET'
  const isRaw = request.path.startsWith('/v1/data/')
  if (hasBody && request.method !== 'DELETE' && !isRaw && !request.is('application/json')) {
    throw new ApiError(415, 'send content-type: application/json')
  }
  next()
}

const BodyError = z.object({ status: z.int(), type: z.string() })

function answerError({ log, translate }: ApiOptions): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error)
    const known = toApiError(error) ?? translate?.(error)
    const status = known?.status ?? 500
    if (status >= 500) log.error({ err: error, path: request.path }, 'request failed')
    response
      .status(status)
      .json({ error: known?.message ?? 'something went wrong here; the log says what' })
  }
}

/** Express's own body errors, zod's, and ours. */
function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  if (error instanceof z.ZodError) return new ApiError(400, z.prettifyError(error))
  const body = BodyError.safeParse(error)
  if (!body.success || body.data.status >= 500) return undefined
  const messages: Record<string, string> = {
    'entity.too.large': 'the body is too large',
    'entity.parse.failed': 'the body is not JSON',
  }
  return new ApiError(body.data.status, messages[body.data.type] ?? body.data.type)
}

/** A server that listens, and the way to be rid of it. */
export interface Listening extends AsyncDisposable {
  url: string
  port: number
}

const Address = z.object({ port: z.number() })

/** Listens on a host and port; an error names the port that is in use. */
export async function listen(
  handler: RequestListener,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  const server = createServer({ headersTimeout: HEADERS_MS_MAX }, handler)
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}`, { cause })
  }
  const address = Address.parse(server.address())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeIdleConnections()
      const done = server.listening ? once(server, 'close') : Promise.resolve()
      setTimeout(() => server.closeAllConnections(), 1_000).unref()
      await done
    },
  }
}
