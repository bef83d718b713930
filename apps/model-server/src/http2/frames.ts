// HTTP/2's frames (RFC 9113), as far as both directions share them.

import type { Http2Limits } from './limits.ts'

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const Flag = {
  NONE: 0,
  END_STREAM: 1,
  /** Of SETTINGS and PING. */
  ACK: 1,
  END_HEADERS: 4,
  PADDED: 8,
  PRIORITY: 0x20,
} as const

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** What precedes the payload of each frame. */
export const HEAD_BYTES = 9
/** The longest payload that every peer takes, and the longest that is taken here. */
export const PAYLOAD_BYTES_MAX = 16_384
/** Of a stream and of a connection until somebody says otherwise. */
export const FIRST_WINDOW_BYTES = 65_535
export const WINDOW_BYTES_MAX = 2 ** 31 - 1
export const STREAM_ID_MAX = 2 ** 31 - 1

/** What a client says before its first frame. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export const NOTHING = Buffer.alloc(0)

/** What the other side did that ends the connection. */
export class ConnectionError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export const protocolError = (message: string): ConnectionError =>
  new ConnectionError(ErrorCode.PROTOCOL_ERROR, message)

export const flowError = (message: string): ConnectionError =>
  new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, message)

/** What a frame is, without its payload. */
export interface FrameHead {
  type: number
  flags: number
  /** 0 for what concerns the connection as a whole. */
  stream: number
  /** Bytes of its payload. */
  length: number
}

/** Writes the head of a frame into memory; returns where its payload begins. */
export function putHead(
  bytes: Uint8Array,
  at: number,
  { type, flags, stream, length }: FrameHead,
): number {
  bytes[at] = length >>> 16
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length
  bytes[at + 3] = type
  bytes[at + 4] = flags
  putNumber(bytes, at + 5, stream)
  return at + HEAD_BYTES
}

function putNumber(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** A frame whose payload is short. */
function frameOf(head: Omit<FrameHead, 'length'>, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length)
  frame.set(payload, putHead(frame, 0, { ...head, length: payload.length }))
  return frame
}

/** Numbers of 32 bits one after the other. */
function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4)
  for (const [index, value] of values.entries()) putNumber(bytes, index * 4, value)
  return bytes
}

/** How the headers of a stream go out: in one frame, or in as many as they need. */
export function headerFrames(stream: number, block: Uint8Array, isLast: boolean): Buffer {
  const endOfStream = isLast ? Flag.END_STREAM : Flag.NONE
  if (block.length <= PAYLOAD_BYTES_MAX)
    return frameOf(
      { type: FrameType.HEADERS, flags: Flag.END_HEADERS | endOfStream, stream },
      block,
    )
  const frames: Buffer[] = []
  for (let at = 0; at < block.length; at += PAYLOAD_BYTES_MAX) {
    const end = Math.min(at + PAYLOAD_BYTES_MAX, block.length)
    const type = at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION
    const endOfHeaders = end === block.length ? Flag.END_HEADERS : Flag.NONE
    const flags = endOfHeaders | (at === 0 ? endOfStream : Flag.NONE)
    frames.push(frameOf({ type, flags, stream }, block.subarray(at, end)))
  }
  return Buffer.concat(frames)
}

/** How a part of a body goes out. Joined, because a copy costs less than many writes. */
export function dataFrames(stream: number, content: Uint8Array): Buffer {
  const count = Math.ceil(content.length / PAYLOAD_BYTES_MAX)
  const bytes = Buffer.allocUnsafe(count * HEAD_BYTES + content.length)
  let at = 0
  for (let from = 0; from < content.length; from += PAYLOAD_BYTES_MAX) {
    const length = Math.min(PAYLOAD_BYTES_MAX, content.length - from)
    at = putHead(bytes, at, { type: FrameType.DATA, flags: Flag.NONE, stream, length })
    bytes.set(content.subarray(from, from + length), at)
    at += length
  }
  return bytes
}

export const resetFrame = (stream: number, code: ErrorCode): Buffer =>
  frameOf({ type: FrameType.RST_STREAM, flags: Flag.NONE, stream }, numbers(code))

export const windowFrame = (stream: number, bytes: number): Buffer =>
  frameOf({ type: FrameType.WINDOW_UPDATE, flags: Flag.NONE, stream }, numbers(bytes))

export const pingFrame = (payload: Uint8Array, isAnswer: boolean): Buffer =>
  frameOf({ type: FrameType.PING, flags: isAnswer ? Flag.ACK : Flag.NONE, stream: 0 }, payload)

/** Says that the connection ends, and up to which stream requests are answered. */
export const goodbyeFrame = (lastStream: number, code: ErrorCode): Buffer =>
  frameOf({ type: FrameType.GOAWAY, flags: Flag.NONE, stream: 0 }, numbers(lastStream, code))

/** What a side may ask of the other. */
export const Setting = {
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const
export const SETTING_BYTES = 6
/** What a priority takes, by itself or before headers. */
export const PRIORITY_BYTES = 5

export function settingsFrame(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * SETTING_BYTES)
  for (const [index, [name, value]] of settings.entries()) {
    payload.writeUInt16BE(name, index * SETTING_BYTES)
    payload.writeUInt32BE(value, index * SETTING_BYTES + 2)
  }
  return frameOf({ type: FrameType.SETTINGS, flags: Flag.NONE, stream: 0 }, payload)
}

export const SETTINGS_ACK: Buffer = frameOf(
  { type: FrameType.SETTINGS, flags: Flag.ACK, stream: 0 },
  NOTHING,
)

/** What a server says first: what a client may send. */
export const greetingOf = (limits: Http2Limits): Buffer =>
  Buffer.concat([
    settingsFrame([
      [Setting.MAX_CONCURRENT_STREAMS, limits.streamsMax],
      [Setting.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [Setting.MAX_HEADER_LIST_SIZE, limits.headersBytesMax],
    ]),
    windowFrame(0, limits.connectionWindowBytes - FIRST_WINDOW_BYTES),
  ])
