import { join } from 'node:path'
import { withDeadline } from './deadline.ts'
import type { ControlLimits } from './limits.ts'
import { type Look, lookAt, type Verdict, verify } from './files.ts'

/** Files of a version that may be loaded. */
export interface Accepted {
  fingerprint: string
  /** Names the bytes: a version with other content is another one under the same number. */
  content: string
  sizeBytes: number
}

/** Files that are not acceptable, or not yet. */
interface Seen {
  fingerprint: string
  /** When they were seen first, since 1970. */
  sinceMs: number
  verdict: Verdict | undefined
}

/** The directory of a version, and what is known of it. */
export class VersionFolder {
  readonly directory: string
  /** The last part of it. */
  readonly name: string
  readonly version: bigint
  /** What may be loaded of it; it stays while something newer is being written over it. */
  accepted: Accepted | undefined
  /** Why what is there now may not be loaded. */
  why: string | undefined
  /** Whoever wrote it gave it up: it does not exist. */
  isAborted = false
  /** Why nothing is known by its `MANIFEST.json`, where there is one. */
  manifestFault: string | undefined
  /** In how many looks in a row it was the same and not acceptable. */
  unchangedLooks = 0
  #seen: Seen | undefined
  #isReading = false

  constructor(basePath: string, name: string, version: bigint) {
    this.directory = join(basePath, name)
    this.name = name
    this.version = version
  }

  /**
   * Looks whether what is there now may be loaded: by its manifest, every byte of it; without one,
   * when nothing in it has changed for a while. Never throws.
   */
  async examine(limits: ControlLimits, now: () => number): Promise<void> {
    // One that does not end holds a thread for files: there is never another beside it.
    if (this.#isReading) return
    try {
      const look = await this.#within(lookAt(this.directory, limits), limits.lookMsMax)
      this.why = await this.#judge(look, limits, now())
    } catch (error) {
      this.#seen = undefined
      this.why = `it cannot be read: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** What reading gives, if it is there in time. */
  async #within<T>(reading: Promise<T>, msMax: number): Promise<T> {
    this.#isReading = true
    const ended = (): void => {
      this.#isReading = false
    }
    reading.then(ended, ended)
    return await withDeadline(reading, msMax)
  }

  async #judge(look: Look, limits: ControlLimits, nowMs: number): Promise<string | undefined> {
    const { fingerprint } = look
    if (this.accepted?.fingerprint === fingerprint) return undefined
    const seen = await this.#seenAt(look, limits, nowMs)
    this.isAborted = false
    switch (seen.verdict?.kind) {
      case 'whole':
        return this.#accept(look, seen.verdict.digest)
      case 'incomplete':
      case 'invalid':
        return seen.verdict.why
      case 'aborted':
        this.accepted = undefined
        this.isAborted = true
        return undefined
      case 'foreign':
      case undefined:
        return this.#judgeUnchanged(look, seen.sinceMs, limits, nowMs)
    }
  }

  /** What is known of files that look like this: every byte of them is read once only. */
  async #seenAt(look: Look, limits: ControlLimits, sinceMs: number): Promise<Seen> {
    const { fingerprint, hasManifest } = look
    const before = this.#seen
    if (before?.fingerprint === fingerprint) {
      this.unchangedLooks++
      return before
    }
    const verdict = hasManifest
      ? await this.#within(verify(this.directory, limits), limits.verifyMsMax)
      : undefined
    this.unchangedLooks = 0
    this.manifestFault = faultOf(verdict)
    this.#seen = { fingerprint, sinceMs, verdict }
    return this.#seen
  }

  #judgeUnchanged(
    look: Look,
    sinceMs: number,
    limits: ControlLimits,
    nowMs: number,
  ): string | undefined {
    if (look.files === 0) return 'it is empty'
    const isQuiet = nowMs - look.newestMs >= limits.quietMsMin
    if (!isQuiet && nowMs - sinceMs < limits.unchangedMsMin)
      return 'its files may still be being written'
    return this.#accept(look, look.fingerprint)
  }

  #accept({ fingerprint, sizeBytes }: Look, name: string): undefined {
    this.accepted = { fingerprint, content: `${this.directory} ${name}`, sizeBytes }
    this.#seen = undefined
  }
}

function faultOf(verdict: Verdict | undefined): string | undefined {
  if (verdict?.kind === 'invalid') return verdict.why
  return verdict?.kind === 'foreign'
    ? 'MANIFEST.json is of another format: the files are not checked by it'
    : undefined
}
