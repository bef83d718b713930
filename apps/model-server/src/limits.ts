/** What bounds this server; named in one place, and passed in by tests that go past it. */
export const LIMITS = {
  /** Larger request bodies are refused with 413. */
  bodyBytesMax: 32 * 1024 * 1024,
  /** All request bodies that are held at a time; beyond it 429. */
  bodiesBytesMax: 256 * 1024 * 1024,
  /**
   * Values of one request over all its inputs; beyond it 400. Reading them and looking at their text
   * holds the event loop, and so every other model: about half a second for so many texts. An image
   * of 299 x 299 fits.
   */
  valuesMax: 300_000,
  /** Requests of one model that wait or run; beyond it 503. */
  waitingMax: 1_024,
  /** Open connections of the data port; further ones are closed at once. */
  connectionsMax: 20_000,
  headersMsMax: 10_000,
  keepAliveMs: 5_000,
  /** How often connections are looked at for requests that take too long to arrive. */
  connectionsCheckMs: 1_000,
  /** Versions that are being loaded at a time. */
  loadsAtOnceMax: 4,
  /** A version that takes longer to load has failed. */
  loadMsMax: 30_000,
  /** A version that takes longer to give its memory back is given up. */
  closeMsMax: 10_000,
  /** Ended versions of a model that its status still tells of. */
  endedVersionsMax: 4,
  /** Models that are served no more and whose status is still told. */
  goneModelsMax: 1_000,
  /** From the wish to end until connections are cut; below the stop deadline of `runService`. */
  drainMsMax: 8_000,
  /** Body of a delta on the admin socket: 100,000 models. */
  deltaBytesMax: 64 * 1024 * 1024,
} as const

export type Limits = { readonly [Name in keyof typeof LIMITS]: number }
