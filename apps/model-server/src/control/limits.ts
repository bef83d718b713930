/** What bounds the control thread; named in one place, and passed in by tests that go past it. */
export const CONTROL_LIMITS = {
  /** Longest that work on many models holds the event loop at a stretch. */
  stretchMs: 3,
  /** A version that takes longer to load and to warm up has failed. */
  loadMsMax: 120_000,
  /** Requests of a version that leaves may take so long; then its memory is given up, never freed. */
  releaseMsMax: 120_000,
  /** A version that takes longer to give its memory back is given up. */
  closeMsMax: 10_000,
  /** Ended versions of a model that its status still tells of. */
  endedVersionsMax: 4,
  /** Models that are served no more and whose status is still told. */
  goneModelsMax: 1_000,
  /** Longest pause between two tries to load a version that fails. */
  retryMsMax: 600_000,
  /** A reload waits so long for its models; they go on loading after it. */
  reloadWaitMsMax: 50_000,
  /** Of that, for a model whose files are not complete. */
  pendingMsMax: 5_000,
  /** Reloads that wait for their turn. */
  reloadsWaitingMax: 16,
  /** Models or versions that the answer to a reload names. */
  reloadFailuresMax: 100,
  /** Requests that wait for one cold version. */
  warmWaitersMax: 1_024,
  /** Cold versions that are loaded or wait for it at a time. */
  warmingsMax: 256,
  /** A version stays in memory at least so long after it was loaded or asked. */
  residentMsMin: 2_000,
  /** Loads for which others leave memory may take this share of the time, in the long run. */
  evictionLoadShareMax: 0.5,
  /** Beyond that share they may take so much. */
  evictionLoadMsMax: 5_000,
  /** Directories that are looked at at a time. */
  looksAtOnceMax: 16,
  /** A directory that takes longer to be looked at counts as unreadable until it answers. */
  lookMsMax: 10_000,
  /** Reading all bytes that a manifest lists; a version for which it takes longer is not loaded. */
  verifyMsMax: 600_000,
  /** Base paths that are listed in one round; with more models it takes more rounds to see all. */
  listingsPerRoundMax: 2_500,
  /** Versions in service whose files are looked at in one round, to notice that they were rewritten. */
  deepLooksPerRoundMax: 50,
  /** A version without a manifest must be unchanged so long. */
  unchangedMsMin: 900,
  /** Files that are older than this when they are first seen are not being written. */
  quietMsMin: 2_000,
  /** How soon a version that was incomplete is looked at again, where the polls are further apart. */
  pendingPollMs: 1_000,
  /** How often it is, where there are no polls. */
  pendingRoundsMax: 3_600,
  filesPerVersionMax: 10_000,
  foldersDeepMax: 16,
  manifestBytesMax: 16 * 1024 * 1024,
  /** A config file that is larger is not read. */
  configBytesMax: 64 * 1024 * 1024,
  /** Body of a delta on the admin socket: 100,000 models. */
  deltaBytesMax: 64 * 1024 * 1024,
  /** A request that is put by the admin socket. */
  runMsMax: 30_000,
  /** Models on one page of the list. */
  pageModelsMax: 1_000,
} as const

export type ControlLimits = { readonly [Name in keyof typeof CONTROL_LIMITS]: number }
