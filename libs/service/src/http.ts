import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import type express from 'express'
import type { ErrorRequestHandler, Express, Request, RequestHandler } from 'express'
import { z } from 'zod'
import type { Log } from './log.ts'

/** Loads Express, for whoever makes an API: threads that only log do without its hundred files. */
function loadExpress(): typeof express {
  const loaded: typeof express = createRequire(import.meta.url)('express')
  return loaded
}

const BODY_BYTES_MAX = 1024 * 1024
const HEADERS_MS_MAX = 30_000
/** How long requests in progress may take when the server is closed. */
const CLOSE_MS_MAX = 1_000
const CLOSE_IDLE_MS = 20
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']
/** Below it bodies are files and no JSON. */
const RAW_PATHS = '/v1/data/'
const OPEN_PATHS = new Set(['/livez', '/readyz'])
const METRICS_PATH = '/metrics'

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
  /** Opens `GET /metrics` and nothing else, for whoever scrapes; only `token` does unless told. */
  metricsToken?: string | undefined
  /** Only this user can reach it, over a Unix socket: whoever does is answered without a token. */
  isPrivate?: boolean
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
  const api = loadExpress()().disable('x-powered-by').set('case sensitive routing', true)
  api.use(refuseForeignPages)
  if (options.isPrivate !== true) api.use(requireToken(options))
  api.get('/livez', (_request, response) => {
    response.json({ ok: true })
  })
  api.get('/readyz', (_request, response) => {
    const readiness = options.isReady()
    response.status(readiness.ready ? 200 : 503).json(readiness)
  })
  api.use(parseJson(options.bodyBytesMax ?? BODY_BYTES_MAX))
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
  const name = host.replace(/:\d+$/, '').toLowerCase()
  if (isLoopback(request) && !LOOPBACK_HOSTS.includes(name)) {
    throw new ApiError(403, `the Host header ${JSON.stringify(host)} is not this machine`)
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new ApiError(403, `the Origin ${JSON.stringify(origin)} may not use this API`)
  }
  next()
}

const isLoopback = ({ socket }: Request): boolean =>
  /^(::1$|(::ffff:)?127\.)/.test(socket.remoteAddress ?? '')

function requireToken({ token, metricsToken }: ApiOptions): RequestHandler {
  return (request, _response, next) => {
    const isScraper =
      metricsToken !== undefined && isScrape(request) && brings(request, metricsToken)
    if (!OPEN_PATHS.has(request.path) && !isScraper && !isAllowed(request, token)) {
      throw new ApiError(401, 'this API needs the header authorization: Bearer <token>')
    }
    next()
  }
}

const isScrape = ({ method, path }: Request): boolean =>
  path === METRICS_PATH && (method === 'GET' || method === 'HEAD')

/** Without a token nobody can show who they are, so only this machine is answered. */
const isAllowed = (request: Request, token: string | undefined): boolean =>
  token === undefined ? isLoopback(request) : brings(request, token)

function brings(request: Request, token: string): boolean {
  const wanted = Buffer.from(`Bearer ${token}`)
  const given = Buffer.from(request.headers.authorization ?? '')
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/**
 * A form or a script of another page can send any body but not this content type without asking.
 * Uploads are files of any type, which the routes stream themselves.
 */
function parseJson(limit: number): RequestHandler {
  const parse = loadExpress().json({ limit, reviver: refusePrototypes })
  return (request, response, next) => {
    if (request.path.startsWith(RAW_PATHS)) return next()
    const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
    const hasBody = coding !== undefined || Number(length) > 0
    if (hasBody && !request.is('application/json')) {
      throw new ApiError(415, 'send content-type: application/json')
    }
    return parse(request, response, next)
  }
}

/** Every schema leaves out a field of this name without a word, so it would be lost. */
function refusePrototypes(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new ApiError(400, 'no field and no name may be __proto__')
  return value
}

const BodyError = z.object({ status: z.int().min(400).max(499), type: z.string().optional() })

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

/** Express's own errors of bodies and paths, zod's, and ours. */
function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  if (error instanceof z.ZodError) return new ApiError(400, z.prettifyError(error))
  const body = BodyError.safeParse(error)
  if (!body.success) return undefined
  const messages: Record<string, string> = {
    'entity.too.large': 'the body is too large',
    'entity.parse.failed': 'the body is not JSON',
  }
  const { status, type = 'the request is malformed' } = body.data
  return new ApiError(status, messages[type] ?? type)
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
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      // A connection whose last request ends from now on would otherwise be kept for the next one.
      const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS)
      const all = setTimeout(() => server.closeAllConnections(), CLOSE_MS_MAX)
      await closed
      clearInterval(idle)
      clearTimeout(all)
    },
  }
}
