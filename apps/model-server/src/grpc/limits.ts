/** What bounds the gRPC port of one thread; named in one place, and passed in by tests that go past it. */
export const GRPC_LIMITS = {
  /** gRPC's own bound of a message, which upstream sets; beyond it RESOURCE_EXHAUSTED. */
  messageBytesMax: 2 ** 31 - 1,
  /** What a compressed message may grow to. */
  inflatedBytesMax: 256 * 1024 * 1024,
  /** Compressed messages that are inflated at a time; others wait their turn. */
  inflatingMax: 4,
  /** Messages below this are not worth compressing. */
  deflatedBytesMin: 1_024,
  /** Requests and answers that fit the serving thread: held at a time, all together. */
  smallBytesMax: 256 * 1024 * 1024,
  /** What each connection may hold of small ones besides: 1.2 GiB if 20,000 of them do. */
  reservedBytes: 64 * 1024,
  /** Larger ones, all together. One alone may be as large as a message may be. */
  largeBytesMax: 512 * 1024 * 1024,
  /** A message of a streaming call: names of services and symbols. */
  streamedBytesMax: 64 * 1024,
  /** Calls in flight on one connection: a client keeps further ones back. */
  streamsMax: 1_024,
  /** What a client may send before it is told that more was read: of one call, of one connection. */
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  /** Metadata of a call. */
  headersBytesMax: 64 * 1024,
  /**
   * Calls that a client may give up as soon as they began, or that end for what it did wrong, and
   * settings that it may change, within so much time.
   */
  resetsMax: 8_192,
  /** A call that is given up later than this after it began is one that a deadline ended. */
  resetAtOnceMs: 10,
  /** Frames that ask for nothing, beyond one a call: some clients ping as often as they are answered. */
  signalsMax: 100_000,
  boundedMs: 10_000,
  /** A call without a deadline is given this one. */
  callMsMax: 3_600_000,
  /** A request of which no more than this arrives, or an answer of which no more is read, is given up. */
  stalledMsMax: 120_000,
  stalledBytesMin: 64 * 1024,
  stalledCheckMs: 10_000,
  /**
   * Between a client's word that it has read that its connection ends and that end, in which calls
   * that are under way arrive; and between an answer and the reset of a client that goes on sending.
   */
  goodbyeMs: 100,
  /**
   * How long the end of a call is waited for, to announce with its answer that the connection ends.
   * This and the next two are less where the port drains within a shorter time.
   */
  restMs: 500,
  /** How long a connection that comes while the port drains is used before it is told to end. */
  lateMs: 500,
  /**
   * Between that announcement and the end if the client does not say that it has read it. Together
   * with the two above it has to leave the last calls some of the default drain, which is 8 s.
   */
  goodbyeMsMax: 5_000,
  /** How long a client that was said goodbye to may take to read that. */
  leaveMs: 10_000,
  /** How often a silent connection is asked whether it still is there, and how long it may take to answer. */
  keepaliveMs: 7_200_000,
  keepaliveTimeoutMs: 20_000,
  /** Connections that wait to be accepted. */
  backlog: 4_096,
} as const

export type GrpcLimits = { readonly [Name in keyof typeof GRPC_LIMITS]: number }
