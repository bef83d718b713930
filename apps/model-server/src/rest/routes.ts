// What a request line asks for. The HTTP library of upstream looks at the target first, then the
// metrics page, then the API; each has its own way to say no.

import { parseRoute, type Route, ServingError } from '@drover/serving-api'

/** Targets that are read once and remembered, each with its method. */
const REMEMBERED_MAX = 4_096
const REMEMBERED_CHARACTERS_MAX = 512

const PATH = String.raw`(?:[\w.~!$&'()*+,;=:@/-]|%[\dA-Fa-f]{2})*`
const MORE = String.raw`(?:[\w.~!$&'()*+,;=:@/?-]|%[\dA-Fa-f]{2})*`
/** A URI as RFC 3986 has it: absolute or not. Only what is behind the authority counts. */
const TARGET = new RegExp(
  String.raw`^(?:[A-Za-z][\w.+-]*:)?(?://[^/?#]*)?((${PATH})(?:\?${MORE})?(?:#${MORE})?)$`,
)
const METHODS = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/** What a request asks for. */
export type RestRoute =
  | Exclude<Route, { kind: 'unknown' }>
  /** A question of a browser before it lets a page ask anything. */
  | { kind: 'preflight' }
  /** The metrics page; a path with a query is not its path. */
  | { kind: 'metrics'; refusal: string | undefined }
  /** Nothing of the API: the page that upstream's HTTP library shows. */
  | { kind: 'page'; status: 400 | 404 | 501 }

/** What is no URI: within the API it is answered as a name that cannot be decoded. */
const unreadable = (target: string): RestRoute =>
  /^\/v1\//i.test(target)
    ? {
        kind: 'unreadable',
        error: new ServingError('INVALID_ARGUMENT', `Failed to decode ${target}`),
      }
    : { kind: 'page', status: 400 }

/** Reads request lines, and remembers the last ones. */
export class Routes {
  readonly #prometheusPath: string | undefined
  readonly #remembered = new Map<string, RestRoute>()

  constructor(prometheusPath: string | undefined) {
    this.#prometheusPath = prometheusPath
  }

  /** `target` is the second word of the request line as it came, one byte a character. */
  find(method: string, target: string): RestRoute {
    const key = `${method} ${target}`
    const known = this.#remembered.get(key)
    if (known !== undefined) return known
    const route = this.#read(method, target)
    if (target.length <= REMEMBERED_CHARACTERS_MAX) this.#remember(key, route)
    return route
  }

  #remember(key: string, route: RestRoute): void {
    if (this.#remembered.size >= REMEMBERED_MAX) {
      const [oldest] = this.#remembered.keys()
      if (oldest !== undefined) this.#remembered.delete(oldest)
    }
    this.#remembered.set(key, route)
  }

  #read(method: string, target: string): RestRoute {
    if (!METHODS.has(method)) return { kind: 'page', status: 501 }
    const [, whole, path] = TARGET.exec(target) ?? []
    if (whole === undefined) return unreadable(target)
    if (path !== undefined && path === this.#prometheusPath)
      return {
        kind: 'metrics',
        refusal: whole === path ? undefined : `Unexpected path: ${whole}. Should be ${path}`,
      }
    const route = parseRoute(method, whole)
    if (route.kind === 'unknown') return { kind: 'page', status: 404 }
    return method === 'OPTIONS' ? { kind: 'preflight' } : route
  }
}
