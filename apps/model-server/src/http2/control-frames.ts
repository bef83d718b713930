// What the short frames say that concern more than one stream. All readers throw `ConnectionError`.

import {
  ConnectionError,
  ErrorCode,
  Flag,
  flowError,
  type FrameHead,
  FrameType,
  PAYLOAD_BYTES_MAX,
  PRIORITY_BYTES,
  protocolError,
  Setting,
  SETTING_BYTES,
  WINDOW_BYTES_MAX,
} from './frames.ts'

const FRAME_BYTES_END = 2 ** 24
const RESET_BYTES = 4
const WINDOW_BYTES = 4
const PING_BYTES = 8
const GOODBYE_BYTES_MIN = 8

/** What we send to ask whether a client is there. */
export const PING: Buffer = Buffer.alloc(PING_BYTES, 'p')

const wrongSize = (what: string): ConnectionError =>
  new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${what} has a wrong size`)

function concernsAll({ stream }: FrameHead, what: string): void {
  if (stream !== 0) throw protocolError(`${what} is of stream ${stream}`)
}

/** What a client asks for, as far as it matters to a server that sends the shortest of frames. */
export interface ClientSettings {
  /** What may be sent on a new stream before the client says that it read some. */
  windowBytes?: number
}

/** Undefined for a frame that acknowledges ours. */
export function readSettings(head: FrameHead, payload: Buffer): ClientSettings | undefined {
  concernsAll(head, 'SETTINGS')
  const isAck = (head.flags & Flag.ACK) !== 0
  if (payload.length % SETTING_BYTES !== 0 || (isAck && payload.length > 0))
    throw wrongSize('SETTINGS')
  if (isAck) return undefined
  const settings: ClientSettings = {}
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const name = payload.readUInt16BE(at)
    const value = payload.readUInt32BE(at + 2)
    if (name === Setting.INITIAL_WINDOW_SIZE) {
      if (value > WINDOW_BYTES_MAX) throw flowError(`A window of ${value} bytes`)
      settings.windowBytes = value
    } else if (!isAllowed(name, value)) throw protocolError(`Setting ${name} cannot be ${value}`)
  }
  return settings
}

function isAllowed(name: number, value: number): boolean {
  if (name === Setting.ENABLE_PUSH) return value <= 1
  return name !== Setting.MAX_FRAME_SIZE || (value >= PAYLOAD_BYTES_MAX && value < FRAME_BYTES_END)
}

/** Whether it answers ours. */
export function readPing(head: FrameHead): boolean {
  concernsAll(head, 'PING')
  if (head.length !== PING_BYTES) throw wrongSize('PING')
  return (head.flags & Flag.ACK) !== 0
}

/** How much more room there is. */
export function readWindowUpdate({ length }: FrameHead, payload: Buffer): number {
  if (length !== WINDOW_BYTES) throw wrongSize('WINDOW_UPDATE')
  return payload.readUInt32BE() & WINDOW_BYTES_MAX
}

/** Of frames that say no more than that they are there. */
export function checkSize({ type, length }: FrameHead): void {
  if (type === FrameType.RST_STREAM && length !== RESET_BYTES) throw wrongSize('RST_STREAM')
  if (type === FrameType.PRIORITY && length !== PRIORITY_BYTES) throw wrongSize('PRIORITY')
  if (type === FrameType.GOAWAY && length < GOODBYE_BYTES_MIN) throw wrongSize('GOAWAY')
}
