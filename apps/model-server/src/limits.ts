/** What bounds this server; named in one place, and passed in by tests that go past it. */
export const LIMITS = {
  /** Larger request bodies of the REST API are refused with 413; inflated ones are empty, as upstream's. */
  bodyBytesMax: 100 * 1024 * 1024,
  /** All request bodies that are held at a time; beyond it 429. */
  bodiesBytesMax: 256 * 1024 * 1024,
  /** Requests of one model that wait or run; beyond it 503. */
  waitingMax: 1_024,
  /** Heap of the thread for large requests, in megabytes: what fills it ends that thread alone. */
  laneHeapMb: 3_072,
  /** Open connections of the data port; further ones are closed at once. */
  connectionsMax: 20_000,
  headersMsMax: 10_000,
  /** A request that takes longer to arrive is cut off, and a client that takes longer for an answer. */
  receiveMsMax: 120_000,
  /** Connections without a request are ended; a little longer than upstream waits for one. */
  keepAliveMs: 60_000,
  /** How often connections are looked at for requests that take too long to arrive. */
  connectionsCheckMs: 1_000,
  /** Versions that are being loaded at a time. */
  loadsAtOnceMax: 4,
  /** A version that takes longer to load has failed. */
  loadMsMax: 30_000,
  /** From the wish to end until connections without a request are ended. */
  drainIdleMs: 5_000,
  /** One that takes connections while it ends has ended when there was none for so long. */
  drainQuietMs: 1_000,
  /** From the wish to end until connections are cut; below the stop deadline of `runService`. */
  drainMsMax: 8_000,
} as const

export type Limits = { readonly [Name in keyof typeof LIMITS]: number }
