import { withoutPadding } from './frame-reader.ts'
import {
  ConnectionError,
  ErrorCode,
  Flag,
  type FrameHead,
  FrameType,
  PRIORITY_BYTES,
  protocolError,
} from './frames.ts'
import { HeaderReader, type HeadersRead } from './header-reader.ts'

/** Frames for one block; clients that use more than the bytes need mean no good. */
const FRAMES_MAX = 32
/** How many times what it may be a block is read, so that the request fails and no other. */
const READ_TIMES_MAX = 4

/** The headers of a stream. */
export interface HeaderBlock {
  stream: number
  /** Nothing comes behind them. */
  isLast: boolean
  read: HeadersRead
}

/** Puts the headers of streams together, which may come in several frames. */
export class HeaderBlocks {
  readonly #reader: HeaderReader
  readonly #bytesMax: number
  /** The block that is arriving. */
  #stream = 0
  #isLast = false
  #parts: Buffer[] = []
  #bytes = 0

  /** `bytesMax`: of what one block says; a request with more is refused. */
  constructor(bytesMax: number) {
    this.#reader = new HeaderReader(bytesMax)
    this.#bytesMax = bytesMax
  }

  /** Whether more of a block must come before anything else may. */
  get isInside(): boolean {
    return this.#parts.length > 0
  }

  /** Takes a frame; gives the block when it is whole. Throws `ConnectionError`. */
  add({ type, flags, stream }: FrameHead, payload: Buffer): HeaderBlock | undefined {
    const isFirst = type === FrameType.HEADERS
    if (isFirst === this.isInside || stream === 0 || (!isFirst && stream !== this.#stream))
      throw protocolError('Headers out of turn')
    const part = isFirst ? contentOf(flags, payload) : payload
    if (isFirst) {
      this.#stream = stream
      this.#isLast = (flags & Flag.END_STREAM) !== 0
    }
    const isWhole = (flags & Flag.END_HEADERS) !== 0
    if (isFirst && isWhole) return { stream, isLast: this.#isLast, read: this.#reader.read(part) }
    this.#keep(part)
    if (!isWhole) return undefined
    const read = this.#reader.read(Buffer.concat(this.#parts))
    this.#parts = []
    this.#bytes = 0
    return { stream, isLast: this.#isLast, read }
  }

  #keep(part: Buffer): void {
    this.#parts.push(Buffer.from(part))
    this.#bytes += part.length
    if (this.#bytes > this.#bytesMax * READ_TIMES_MAX || this.#parts.length > FRAMES_MAX)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'Headers have no end')
  }
}

/** What is left of a HEADERS frame without its padding and its priority. */
function contentOf(flags: number, payload: Buffer): Buffer {
  const content = (flags & Flag.PADDED) === 0 ? payload : withoutPadding(payload)
  if ((flags & Flag.PRIORITY) === 0) return content
  if (content.length < PRIORITY_BYTES)
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'A priority is cut off')
  return content.subarray(PRIORITY_BYTES)
}
