import { lookup } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** How an entry begins that names servers by DNS. */
export const DNS_SCHEME = 'dns+http:'

/** How long an answer is taken as it was. */
const CACHE_MS = 5_000
/** Longest wait for a resolver, before a look. */
const RESOLVE_MS = 1_000
const ADDRESSES_MAX = 1_000

/** All addresses of a name, of both families. */
export type Resolve = (name: string) => Promise<readonly { address: string; family: number }[]>

/** What is known of an entry that names servers by DNS. */
export interface NameView {
  name: string
  servers: readonly string[]
  /** Those of them that the last answer did not name any more. */
  left: readonly string[]
  /** Why the last answer could not be had; the one before it stands. Null: it could. */
  error: string | null
}

/** The servers of a fleet as they are to be asked now. */
export interface ServerList {
  urls: readonly string[]
  names: readonly NameView[]
}

export interface ServersOptions {
  /** Base URLs, and `dns+http://name:port`. */
  entries: readonly string[]
  /** How long an address that has left its name is still asked, so that its silence is noticed. */
  keepMs: number
  resolve?: Resolve
  /** Longest wait for it; what it answers later counts from then on. */
  resolveMs?: number
  /** Monotonic milliseconds. */
  now?: () => number
}

// What the operating system knows, as every other program does: hosts, search domains, both families.
const resolveAll: Resolve = async (name) => await lookup(name, { all: true, order: 'verbatim' })

/**
 * The list of servers for each look: fixed ones as they were set, named ones by their addresses in
 * a fixed order, so that the canary stays the same. It never throws: what cannot be resolved stays
 * as it was.
 */
export function makeServers(options: ServersOptions): () => Promise<ServerList> {
  const { entries } = options
  const sources = entries.map((entry) =>
    entry.startsWith(DNS_SCHEME) ? makeName(entry, options) : entry,
  )
  return async () => {
    const found = await Promise.all(
      sources.map(async (source) => (typeof source === 'string' ? source : await source())),
    )
    const urls = found.flatMap((each) => (typeof each === 'string' ? [each] : each.servers))
    const names = found.filter((each) => typeof each !== 'string')
    return { urls: [...new Set(urls)], names }
  }
}

function makeName(entry: string, options: ServersOptions): () => Promise<NameView> {
  const { keepMs, resolve = resolveAll, resolveMs = RESOLVE_MS } = options
  const { now = () => performance.now() } = options
  const { hostname, port } = new URL(entry)
  /** By URL: when it was last in an answer. */
  const seen = new Map<string, number>()
  let answeredAt = -Infinity
  let askedAt = -Infinity
  let error: string | null = null
  let isAsking = false

  async function ask(): Promise<void> {
    isAsking = true
    try {
      const found = await resolve(hostname)
      // An address with a zone is this machine's own affair and has no place in a URL.
      const addresses = found.filter(({ address }) => !address.includes('%'))
      if (addresses.length === 0) throw new Error('it has no address')
      if (addresses.length > ADDRESSES_MAX) throw new Error(`more than ${ADDRESSES_MAX} addresses`)
      const at = now()
      answeredAt = at
      for (const { address, family } of addresses) {
        seen.set(`http://${family === 6 ? `[${address}]` : address}:${port}`, at)
      }
      for (const [url, seenAt] of seen) if (at - seenAt > keepMs) seen.delete(url)
      error = null
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
    } finally {
      isAsking = false
    }
  }

  return async () => {
    if (now() - askedAt >= CACHE_MS) {
      askedAt = now()
      // A question that hangs is not asked a second time beside itself.
      const answer = isAsking ? delay(0, 'late') : Promise.race([ask(), delay(resolveMs, 'late')])
      if ((await answer) === 'late') error = 'the resolver does not answer'
    }
    const left = [...seen].filter(([, seenAt]) => seenAt < answeredAt).map(([url]) => url)
    return { name: entry, servers: [...seen.keys()].toSorted(), left: left.toSorted(), error }
  }
}
