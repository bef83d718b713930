/** What bounds a connection. */
export interface Http2Limits {
  /** Streams at a time; further ones are refused. */
  readonly streamsMax: number
  /** What a client may send before it is told that more was read: of one stream, of one connection. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** Headers of a request. */
  readonly headersBytesMax: number
  /**
   * Streams that a client may give up within `resetAtOnceMs` of their beginning, or that are ended for
   * what it did, and settings: within `boundedMs`.
   */
  readonly resetsMax: number
  readonly resetAtOnceMs: number
  /** Frames that ask for nothing, beyond one a stream: within `boundedMs`. */
  readonly signalsMax: number
  readonly boundedMs: number
  /** How long a client that was said goodbye to may take to read that. */
  readonly leaveMs: number
}
