// The headers that HPACK (RFC 7541) refers to by number.

/** A header; texts with an octet a character. */
export interface Header {
  name: string
  value: string
}

const STATIC: readonly Header[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
].map(([name = '', value = '']) => ({ name, value }))

/** What a header counts for on top of its texts. */
const ENTRY_BYTES = 32
/** What the other side may have remembered here. */
export const TABLE_BYTES_MAX = 4_096

export const sizeOf = ({ name, value }: Header): number => name.length + value.length + ENTRY_BYTES

/** The headers that are always known, and behind them those that the other side had remembered. */
export class HeaderTable {
  /** The oldest first. */
  readonly #kept: Header[] = []
  #bytes = 0
  #bytesMax = TABLE_BYTES_MAX

  /** By its number; undefined if nothing has that. */
  at(index: number): Header | undefined {
    if (index <= STATIC.length) return STATIC[index - 1]
    return this.#kept[this.#kept.length - (index - STATIC.length)]
  }

  /** Remembers one, and forgets the oldest for it. */
  keep(header: Header): void {
    this.#kept.push(header)
    this.#bytes += sizeOf(header)
    this.#evict()
  }

  /** At most `TABLE_BYTES_MAX`. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax
    this.#evict()
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#kept.shift()
      if (oldest !== undefined) this.#bytes -= sizeOf(oldest)
    }
  }
}
