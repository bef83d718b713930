import {
  ConnectionError,
  ErrorCode,
  Flag,
  type FrameHead,
  FrameType,
  HEAD_BYTES,
  NOTHING,
  PAYLOAD_BYTES_MAX,
  PREFACE,
  protocolError,
  STREAM_ID_MAX,
} from './frames.ts'

/** What is done with frames. All may throw `ConnectionError`. */
export interface FrameSink {
  /** A frame of any kind but DATA. */
  frame(head: FrameHead, payload: Buffer): void
  /** A DATA frame begins, whose payload and padding have so many bytes. */
  dataBegins(stream: number, length: number): void
  /** A part of its payload. `isLast`: the client sends nothing more on this stream. */
  data(stream: number, piece: Buffer, isLast: boolean): void
  /** Bytes of it that nobody reads. */
  padding(stream: number, length: number): void
}

/**
 * Cuts what a client sends into frames. What is in DATA frames is passed on as it arrives; other
 * frames, which are short, when they are whole.
 */
export class FrameReader {
  readonly #sink: FrameSink
  #prefaceBytes = 0
  /** The DATA frame that is arriving, and how much of it is to come. */
  #stream = 0
  #dataBytes = 0
  #isLast = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /**
   * Reads at most one frame; returns how far it came, which is not at all when more bytes must come
   * first. Throws `ConnectionError`.
   */
  step(bytes: Buffer, at: number): number {
    if (this.#prefaceBytes < PREFACE.length) return this.#readPreface(bytes, at)
    if (this.#dataBytes > 0) return this.#passData(bytes, at)
    if (bytes.length - at < HEAD_BYTES) return at
    const head = headAt(bytes, at)
    if (head.length > PAYLOAD_BYTES_MAX)
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `A frame has ${head.length} bytes`)
    const start = at + HEAD_BYTES
    const isData = head.type === FrameType.DATA
    if (isData && (head.flags & Flag.PADDED) === 0) return this.#beginData(head, bytes, start)
    const end = start + head.length
    if (bytes.length < end) return at
    const payload = bytes.subarray(start, end)
    if (isData) this.#readPadded(head, payload)
    else this.#sink.frame(head, payload)
    return end
  }

  #beginData({ stream, flags, length }: FrameHead, bytes: Buffer, start: number): number {
    this.#sink.dataBegins(stream, length)
    this.#stream = stream
    this.#dataBytes = length
    this.#isLast = (flags & Flag.END_STREAM) !== 0
    if (length > 0) return this.#passData(bytes, start)
    this.#sink.data(stream, NOTHING, this.#isLast)
    return start
  }

  #readPreface(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + PREFACE.length - this.#prefaceBytes)
    const expected = PREFACE.subarray(this.#prefaceBytes, this.#prefaceBytes + end - at)
    if (bytes.compare(expected, 0, expected.length, at, end) !== 0)
      throw protocolError('This is no HTTP/2')
    this.#prefaceBytes += end - at
    return end
  }

  #passData(bytes: Buffer, at: number): number {
    if (at === bytes.length) return at
    const end = Math.min(bytes.length, at + this.#dataBytes)
    this.#dataBytes -= end - at
    this.#sink.data(this.#stream, bytes.subarray(at, end), this.#isLast && this.#dataBytes === 0)
    return end
  }

  #readPadded({ flags, stream, length }: FrameHead, payload: Buffer): void {
    this.#sink.dataBegins(stream, length)
    const content = withoutPadding(payload)
    this.#sink.padding(stream, length - content.length)
    this.#sink.data(stream, content, (flags & Flag.END_STREAM) !== 0)
  }
}

function headAt(bytes: Buffer, at: number): FrameHead {
  return {
    length: ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0),
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    stream: bytes.readUInt32BE(at + 5) & STREAM_ID_MAX,
  }
}

/** What is between the length of the padding and the padding. Throws `ConnectionError`. */
export function withoutPadding(payload: Buffer): Buffer {
  const [padding] = payload
  if (padding === undefined || padding >= payload.length)
    throw protocolError('A frame is all padding')
  return payload.subarray(1, payload.length - padding)
}
