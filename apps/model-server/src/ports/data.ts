import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Log } from '@drover/service'
import {
  errorBody,
  httpStatusOf,
  type ModelChoice,
  parsePredictBody,
  parseRoute,
  type Route,
  ServingError,
  writeMetadata,
  writePredictAnswer,
  writeStatus,
} from '@drover/serving-api'
import type { Limits } from '../limits.ts'
import type { Models } from '../served/models.ts'
import { BodyReader, Gone, TooLarge } from './body.ts'
import { isLoopback, refuseForeignPages } from './foreign.ts'

const SIGNATURE_DEFAULT = 'serving_default'
const JSON_TYPE = { 'Content-Type': 'application/json' }
/** What upstream's HTTP library says of paths that are not of this API. */
const NOT_FOUND_PAGE = Buffer.from(
  '<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n',
)
const NOTHING = Buffer.alloc(0)

export interface DataPortOptions {
  models: Models
  log: Log
  limits: Limits
  timeoutMs: number
}

/** The REST side that clients see. */
export interface DataPort {
  server: Server
  /** Open connections. */
  connections: () => number
  /** From now on every answer ends its connection. */
  sayGoodbye: () => void
}

interface Answer {
  status: number
  headers: OutgoingHttpHeaders
  body: Buffer
}

/** Makes the server; the caller listens, on a port of its own or an inherited one. */
export function makeDataPort({ models, log, limits, timeoutMs }: DataPortOptions): DataPort {
  const bodies = new BodyReader(limits)
  let isLeaving = false
  let isLocal = false
  let connections = 0

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = parseRoute(request.method ?? '', request.url ?? '')
    const made = await answerTo(route, request).catch((error: unknown) => toAnswer(error, log))
    if (made === undefined) return
    if (isLeaving) response.shouldKeepAlive = false
    response.writeHead(made.status, { ...made.headers, 'Content-Length': made.body.length })
    response.end(made.body)
  }

  async function answerTo(route: Route, request: IncomingMessage): Promise<Answer> {
    if (isLocal) refuseForeignPages(request)
    if (request.method === 'OPTIONS' && route.kind !== 'unknown') return preflight(request)
    switch (route.kind) {
      case 'predict':
        return ok(
          await bodies.read(
            request,
            async (body) => await predict({ models, limits }, route.model, body),
          ),
        )
      case 'status':
        return ok(writeStatus(models.statusOf(route.model)))
      case 'metadata':
        return ok(metadata(models, route.model))
      case 'classify':
      case 'regress':
        throw new ServingError('UNIMPLEMENTED', `This server answers no ${route.kind} requests`)
      case 'unreadable':
        return { status: httpStatusOf(route.error.code), headers: JSON_TYPE, body: NOTHING }
      case 'refused':
        throw route.error
      case 'unknown':
        return { status: 404, headers: { 'Content-Type': 'text/html' }, body: NOT_FOUND_PAGE }
    }
  }

  const server = createServer(
    {
      requestTimeout: timeoutMs,
      headersTimeout: Math.min(limits.headersMsMax, timeoutMs),
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.connectionsCheckMs,
    },
    (request, response) => void answer(request, response),
  )
  server.maxConnections = limits.connectionsMax
  server.once('listening', () => {
    const place = server.address()
    isLocal = place !== null && typeof place === 'object' && isLoopback(place.address)
  })
  server.on('connection', (socket) => {
    connections++
    socket.once('close', () => connections--)
  })
  return {
    server,
    connections: () => connections,
    sayGoodbye: () => {
      isLeaving = true
    },
  }
}

async function predict(
  { models, limits }: Pick<DataPortOptions, 'models' | 'limits'>,
  choice: ModelChoice,
  bytes: Buffer,
): Promise<Buffer> {
  const { signatureName, readInputs } = parsePredictBody(bytes)
  const found = models.find(choice)
  const { signatures } = found.servable
  const name = signatureName || SIGNATURE_DEFAULT
  const signature = Object.hasOwn(signatures, name) ? signatures[name] : undefined
  if (signature === undefined)
    throw new ServingError(
      'INVALID_ARGUMENT',
      `Serving signature name: "${name}" not found in signature def`,
    )
  const { format, inputs } = readInputs(signature.inputs, limits.valuesMax)
  return writePredictAnswer(await models.run(found, name, inputs), format)
}

function metadata(models: Models, choice: ModelChoice): Buffer {
  const { model, version, servable } = models.find(choice)
  return writeMetadata({ name: model.name, version: version.version }, servable.signatures)
}

const ok = (body: Buffer): Answer => ({ status: 200, headers: JSON_TYPE, body })

/** No header allows other origins anything; upstream's answer is kept all the same. */
function preflight({ headers: { origin = '' } }: IncomingMessage): Answer {
  return { status: /https?:\/\//.test(origin) ? 200 : 400, headers: JSON_TYPE, body: NOTHING }
}

function toAnswer(error: unknown, log: Log): Answer | undefined {
  if (error instanceof Gone) return undefined
  const failed = (status: number, message: string): Answer => ({
    status,
    headers: JSON_TYPE,
    body: errorBody(message),
  })
  if (error instanceof TooLarge) return failed(413, error.message)
  if (error instanceof ServingError) return failed(httpStatusOf(error.code), error.message)
  log.error({ err: error }, 'request failed')
  return failed(500, 'Something went wrong here; the log says what')
}
