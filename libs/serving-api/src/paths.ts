import { invalid, ServingError } from './errors.ts'

/** Which version of a model is asked for; neither: the latest that is available. */
export interface ModelChoice {
  name: string
  version?: bigint
  label?: string
}

/** What a request asks for by its method and path. */
export type Route =
  | { kind: 'predict' | 'classify' | 'regress' | 'status' | 'metadata'; model: ModelChoice }
  /** Nothing of this API is there. */
  | { kind: 'unknown' }
  | { kind: 'refused'; error: ServingError }
  /** The path cannot be read; such an answer has no body. */
  | { kind: 'unreadable'; error: ServingError }

const API = /^\/v1\//i
const VERSION_OR_LABEL = String.raw`(?:/versions/(\d+)|/labels/([^/:]+))?`
const POST = new RegExp(`^/v1/models/([^/:]+)${VERSION_OR_LABEL}:(classify|regress|predict)$`, 'i')
const GET = new RegExp(`^/v1/models(?:/([^/:]+))?${VERSION_OR_LABEL}(?:/(metadata))?$`, 'i')
const INT64_MAX = 2n ** 63n - 1n

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads a request line. `target` is the path with its query as it came, one byte a character. */
export function parseRoute(method: string, target: string): Route {
  if (!API.test(target)) return { kind: 'unknown' }
  const match = shapeOf(method)?.exec(target)
  if (!match) return malformed(method, target)
  try {
    return routeOf(method, match) ?? malformed(method, target)
  } catch (error) {
    if (error instanceof ServingError) return { kind: 'unreadable', error }
    throw error
  }
}

/** The verbs are told apart by case though the path is not. */
function routeOf(
  method: string,
  [, name, version, label, last = '']: RegExpExecArray,
): Route | undefined {
  const model = readChoice(name ?? '', version, label)
  if (method === 'POST')
    return last === 'predict' || last === 'classify' || last === 'regress'
      ? { kind: last, model }
      : undefined
  if (name === undefined)
    return { kind: 'refused', error: invalid('Missing model name in request.') }
  return { kind: last === 'metadata' ? 'metadata' : 'status', model }
}

const shapeOf = (method: string): RegExp | undefined =>
  method === 'POST' ? POST : method === 'GET' ? GET : undefined

function malformed(method: string, target: string): Route {
  return { kind: 'refused', error: invalid(`Malformed request: ${method} ${target}`) }
}

function readChoice(name: string, version?: string, label?: string): ModelChoice {
  return {
    name: decodePart('name', name),
    ...(version !== undefined && { version: readVersion(version) }),
    ...(label !== undefined && { label: decodePart('version label', label) }),
  }
}

function readVersion(digits: string): bigint {
  const version = BigInt(digits)
  if (version > INT64_MAX) throw invalid(`Failed to convert version: ${digits} to numeric.`)
  return version
}

/** Percent signs that no two hexadecimal digits follow stand for themselves. */
function decodePart(what: string, part: string): string {
  if (/^[\u0021-\u0024\u0026-\u007e]*$/.test(part)) return part
  const bytes = part.replaceAll(/%([0-9a-f]{2})/gi, (_escape, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  try {
    return decoder.decode(Buffer.from(bytes, 'latin1'))
  } catch (cause) {
    throw new ServingError('INVALID_ARGUMENT', `Failed to decode model ${what}:${part}`, { cause })
  }
}
