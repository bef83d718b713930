import { ConnectionError, ErrorCode, NOTHING } from './frames.ts'
import { type Header, HeaderTable, sizeOf, TABLE_BYTES_MAX } from './header-table.ts'
import { decodeHuffman } from './huffman.ts'

/** The headers of a request by name; where a name comes twice, the first of them. */
export type Headers = ReadonlyMap<string, string>

/** What came of a block: headers, or why the request has to be refused. */
export type HeadersRead = { headers: Headers } | { fault: ErrorCode }

/** No number here has a use for more. */
const NUMBER_BYTES_MAX = 5
/** Longer blocks are read anew each time. */
const KNOWN_BYTES_MAX = 1_024
/** Those that concern a connection, which HTTP/2 says otherwise. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])
/** What could end a header where others read it. */
const UNSAFE = /[\0\r\n]/
const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority'])

const broken = (what: string): ConnectionError =>
  new ConnectionError(ErrorCode.COMPRESSION_ERROR, what)

/** Reads HPACK's blocks (RFC 7541) of one connection, each of which may build on those before. */
export class HeaderReader {
  readonly #bytesMax: number
  readonly #table = new HeaderTable()
  #block: Buffer = NOTHING
  #at = 0
  #hasChangedTable = false
  /** The last block, if it meant the same if it came again: most clients repeat theirs. */
  #known: { block: Buffer; read: HeadersRead } | undefined

  /** `bytesMax`: of all headers of a request, each with HPACK's surcharge. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Reads the block of a request. Throws `ConnectionError`. */
  read(block: Buffer): HeadersRead {
    const known = this.#known
    if (known !== undefined && known.block.equals(block)) return known.read
    this.#block = block
    this.#at = 0
    this.#hasChangedTable = false
    const list = new HeaderList(this.#bytesMax)
    this.#resize()
    while (this.#at < block.length) list.add(this.#readHeader())
    const read = list.end()
    const isKnown = !this.#hasChangedTable && block.length <= KNOWN_BYTES_MAX
    this.#known = isKnown ? { block: Buffer.from(block), read } : undefined
    return read
  }

  /** At its beginning a block may change how much is remembered. */
  #resize(): void {
    while (((this.#block[this.#at] ?? 0) & 0xe0) === 0x20) {
      const size = this.#readNumber(5)
      if (size > TABLE_BYTES_MAX) throw broken(`${size} bytes of headers are to be remembered`)
      this.#table.resize(size)
      this.#hasChangedTable = true
    }
  }

  #readHeader(): Header {
    const first = this.#block[this.#at] ?? 0
    if (first >= 0x80) return this.#lookUp(this.#readNumber(7))
    if (first >= 0x40) {
      const header = this.#readLiteral(6)
      this.#table.keep(header)
      this.#hasChangedTable = true
      return header
    }
    if (first >= 0x20) throw broken('The size of the table changes within a block')
    return this.#readLiteral(4)
  }

  #lookUp(index: number): Header {
    const header = this.#table.at(index)
    if (header === undefined) throw broken(`There is no header ${index}`)
    return header
  }

  #readLiteral(indexBits: number): Header {
    const index = this.#readNumber(indexBits)
    const name = index === 0 ? this.#readText() : this.#lookUp(index).name
    return { name, value: this.#readText() }
  }

  #readText(): string {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#readNumber(7)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#block.length) throw broken('A text is cut off')
    return isHuffman
      ? decodeHuffman(this.#block.subarray(start, this.#at))
      : this.#block.toString('latin1', start, this.#at)
  }

  /** A number that begins in the lower bits of a byte. */
  #readNumber(bits: number): number {
    const most = 2 ** bits - 1
    let number = this.#next() & most
    if (number < most) return number
    for (let index = 0; index < NUMBER_BYTES_MAX; index++) {
      const byte = this.#next()
      number += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return number
    }
    throw broken('A number is too long')
  }

  #next(): number {
    const byte = this.#block[this.#at++]
    if (byte === undefined) throw broken('A header is cut off')
    return byte
  }
}

/** Puts the headers of a request together, and sees whether they may be such. */
class HeaderList {
  readonly #bytesMax: number
  readonly #headers = new Map<string, string>()
  #bytes = 0
  #isMalformed = false
  #hasPlain = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(header: Header): void {
    const { name, value } = header
    this.#bytes += sizeOf(header)
    // Read to the end all the same: blocks to come build on it.
    if (this.#bytes > this.#bytesMax) return
    this.#isMalformed ||= UNSAFE.test(value)
    if (name.startsWith(':')) {
      this.#isMalformed ||= this.#hasPlain || !PSEUDO.has(name) || this.#headers.has(name)
    } else {
      this.#hasPlain = true
      this.#isMalformed ||= name === '' || name !== name.toLowerCase() || FORBIDDEN.has(name)
    }
    if (!this.#headers.has(name)) this.#headers.set(name, value)
  }

  end(): HeadersRead {
    if (this.#bytes > this.#bytesMax) return { fault: ErrorCode.ENHANCE_YOUR_CALM }
    return this.#isMalformed ? { fault: ErrorCode.PROTOCOL_ERROR } : { headers: this.#headers }
  }
}
