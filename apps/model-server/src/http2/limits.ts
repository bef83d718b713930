/** What bounds a connection. */
export interface Http2Limits {
  /** Streams at a time; further ones are refused. */
  readonly streamsMax: number
  /** What a client may send before it is told that more was read: of one stream, of one connection. */
  readonly streamWindowBytes: number
  readonly connectionWindowBytes: number
  /** Headers of a request. */
  readonly headersBytesMax: number
  /** Longest that one connection is worked for before all others have their turn. */
  readonly turnMsMax: number
  /** Streams that a client may give up, or that are ended for what it did, within so much time. */
  readonly resetsMax: number
  readonly resetsMs: number
  /** How long a client that was said goodbye to may take to read that. */
  readonly leaveMs: number
}
