// Just enough of HTTP/2 (RFC 9113) and HPACK (RFC 7541) for calls whose message fits into a frame.

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  headBytes: 9,
  /** gRPC: a flag and a length before each message. */
  messagePrefixBytes: 5,
} as const

export const FLAG = { endOfStream: 1, acknowledged: 1, endOfHeaders: 4 } as const

/** The largest frame that a server takes unless it says otherwise. */
const FRAME_BYTES_MAX = 16_384
export const MESSAGE_BYTES_MAX = FRAME_BYTES_MAX - FRAME.messagePrefixBytes
/** What a server may send before we say that we read some of it: all there can be. */
export const WINDOW_BYTES = 2 ** 31 - 1
const FIRST_WINDOW_BYTES = 65_535
const INITIAL_WINDOW_SIZE = 4

/** A frame, its payload without padding: no server here pads. */
export function frameOf(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME.headBytes + payload.length)
  frame.writeUIntBE(payload.length, 0, 3)
  frame[3] = type
  frame[4] = flags
  frame.writeUInt32BE(stream, 5)
  payload.copy(frame, FRAME.headBytes)
  return frame
}

export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(bytes)
  return payload
}

/** What a client says first. */
export const GREETING = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frameOf(
    FRAME.settings,
    0,
    0,
    Buffer.concat([Buffer.of(0, INITIAL_WINDOW_SIZE), windowUpdate(WINDOW_BYTES)]),
  ),
  frameOf(FRAME.windowUpdate, 0, 0, windowUpdate(WINDOW_BYTES - FIRST_WINDOW_BYTES)),
])

export const ACKNOWLEDGED = frameOf(FRAME.settings, FLAG.acknowledged, 0, Buffer.alloc(0))

export const pongOf = (payload: Buffer): Buffer =>
  frameOf(FRAME.ping, FLAG.acknowledged, 0, payload)

/** `:method: POST`, `:scheme: http`: entries 3 and 6 of the static table. */
const POST_BY_HTTP = Buffer.of(0x83, 0x86)
/** Literals that the server keeps, named by the static table: by number, or as a text. */
const KEPT = 0x40
const STATIC = { authority: 1, path: 4, contentType: 31, userAgent: 58 } as const
/** The newest kept header is entry 62, the one before it 63, and so on. */
const REFERENCES = Buffer.of(0xc3, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe)

function firstHeaders(path: string): Buffer {
  return Buffer.concat([
    POST_BY_HTTP,
    Buffer.of(KEPT | STATIC.path),
    textOf(path),
    Buffer.of(KEPT | STATIC.authority),
    textOf('localhost'),
    Buffer.of(KEPT | STATIC.contentType),
    textOf('application/grpc'),
    Buffer.of(KEPT),
    textOf('te'),
    textOf('trailers'),
    Buffer.of(KEPT | STATIC.userAgent),
    textOf('drover-bench'),
    Buffer.of(KEPT),
    textOf('grpc-accept-encoding'),
    textOf('identity,deflate,gzip'),
  ])
}

const LATER_HEADERS = Buffer.concat([POST_BY_HTTP, REFERENCES])

/** A text of fewer than 127 bytes. */
const textOf = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])

/** All frames of a call with one message. */
export function framesOfCall({
  stream,
  path,
  message,
  isFirst,
}: {
  stream: number
  path: string
  message: Buffer
  isFirst: boolean
}): Buffer {
  const headers = isFirst ? firstHeaders(path) : LATER_HEADERS
  const prefix = Buffer.alloc(FRAME.messagePrefixBytes)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([
    frameOf(FRAME.headers, FLAG.endOfHeaders, stream, headers),
    frameOf(FRAME.data, FLAG.endOfStream, stream, Buffer.concat([prefix, message])),
  ])
}

/** A frame that came. */
export interface Frame {
  type: number
  flags: number
  stream: number
  payload: Buffer
}

/** Takes pieces as they come, and gives frames. */
export class FrameReader {
  readonly #take: (frame: Frame) => void
  #rest = Buffer.alloc(0)

  constructor(take: (frame: Frame) => void) {
    this.#take = take
  }

  push(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    while (bytes.length - at >= FRAME.headBytes) {
      const from = at + FRAME.headBytes
      const end = from + bytes.readUIntBE(at, 3)
      if (bytes.length < end) break
      this.#take({
        type: bytes.readUInt8(at + 3),
        flags: bytes.readUInt8(at + 4),
        stream: bytes.readUInt32BE(at + 5),
        payload: bytes.subarray(from, end),
      })
      at = end
    }
    this.#rest = Buffer.from(bytes.subarray(at))
  }
}
