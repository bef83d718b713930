import { readdir } from 'node:fs/promises'
import type { ModelServerModel } from '@drover/model-config'
import { withDeadline } from './deadline.ts'
import { VersionFolder } from './examine.ts'
import type { ControlLimits } from './limits.ts'
import type { WantedModel, WantedVersion } from './model.ts'
import { chosen, versionsAmong } from './version-names.ts'

const SCHEME = /^([A-Za-z][0-9A-Za-z.]*):\/\/[^/]*(.*)$/s
/** What there is of a model is not known yet. */
export const NOT_LOOKED = 'its base path has not been looked at yet'

/** A configured model, and what is on disk of it. */
export class Watched {
  readonly config: ModelServerModel
  readonly #limits: ControlLimits
  readonly #path: string | undefined
  #folders: readonly VersionFolder[] = []
  /** The names that were listed last. */
  #names: string | undefined
  #fault: string | undefined
  #isListing = false
  /** Whether it was listed under this config. */
  #isListed = false

  /** What was known under another config of the same base path is still so. */
  constructor(config: ModelServerModel, limits: ControlLimits, previous?: Watched) {
    this.config = config
    this.#limits = limits
    if (previous?.config.basePath === config.basePath) {
      this.#folders = previous.#folders
    }
    const [, scheme, path] = SCHEME.exec(config.basePath) ?? []
    if (scheme === undefined) this.#path = config.basePath
    else if (scheme === 'file') this.#path = path || '/'
    else this.#fault = `File system scheme '${scheme}' not implemented (file: '${config.basePath}')`
  }

  /** Whether there is a directory that can be listed. */
  get isListable(): boolean {
    return this.#path !== undefined && !this.#isListing
  }

  /** Lists the base path. True when there is something new to look at or to tell. Never throws. */
  async list(): Promise<boolean> {
    if (this.#path === undefined || this.#isListing) return false
    const before = { fault: this.#fault, names: this.#names, isListed: this.#isListed }
    this.#isListing = true
    const listing = readdir(this.#path, { withFileTypes: true }).finally(() => {
      this.#isListing = false
    })
    try {
      const entries = await withDeadline(listing, this.#limits.lookMsMax)
      this.#see(entries.flatMap((entry) => (entry.isFile() ? [] : [entry.name])))
      this.#isListed = true
    } catch (error) {
      listing.catch(() => {})
      this.#fault = this.#unreadable(error)
    }
    const isSame = this.#fault === before.fault && this.#names === before.names
    return !isSame || this.#isListed !== before.isListed
  }

  #see(listed: readonly string[]): void {
    const { name, basePath } = this.config
    const versions = versionsAmong(listed)
    const names = [...versions.values()].toSorted().join('/')
    this.#fault = names === '' ? noVersions(name, basePath) : undefined
    // Thousands are listed again and again: what is the same is not made anew.
    if (names === this.#names) return
    this.#names = names
    this.#folders = Array.from(
      versions,
      ([version, each]) =>
        this.#folders.find((folder) => folder.name === each) ??
        new VersionFolder(this.#path ?? '', each, version),
    ).slice()
  }

  /** As upstream says it, which leaves what it has loaded of such a model as it is. */
  #unreadable(error: unknown): string {
    const { name, basePath } = this.config
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
    const why =
      code === 'ENOENT' || code === 'ENOTDIR'
        ? `NOT_FOUND: ${basePath} not found`
        : `UNKNOWN: it cannot be listed: ${code}`
    return `Could not find base path ${basePath} for servable ${name} with error ${why}`
  }

  /** Looks into the versions that the policy asks for, where they are new or have changed. */
  async examine(now: () => number): Promise<void> {
    const { folders, countMax } = this.#asked()
    let acceptedCount = 0
    for (const folder of folders) {
      if (acceptedCount >= countMax) return
      if (folder.accepted === undefined || folder.why !== undefined)
        await folder.examine(this.#limits, now)
      if (folder.accepted !== undefined) acceptedCount++
    }
  }

  /** The folders that the policy asks for, in its order, and how many of them it wants. */
  #asked(): { folders: VersionFolder[]; countMax: number } {
    const byVersion = new Map(this.#folders.map((each) => [each.version, each]))
    const { versions, countMax } = chosen(byVersion.keys(), this.config.versionPolicy)
    const folders = versions.flatMap((version) => byVersion.get(version) ?? [])
    return { folders: folders.filter(({ isAborted }) => !isAborted), countMax }
  }

  /** The folders of versions that are served, and of those that would be but are not complete. */
  #chosen(): VersionFolder[] {
    const { folders, countMax } = this.#asked()
    let acceptedCount = 0
    return folders.filter(({ accepted }) => {
      if (acceptedCount >= countMax) return false
      if (accepted !== undefined) acceptedCount++
      return true
    })
  }

  /** Versions in service, whose files somebody may write over. */
  accepted(): VersionFolder[] {
    return this.#chosen().filter(({ accepted }) => accepted !== undefined)
  }

  /** Versions by whose `MANIFEST.json` nothing is known. */
  faultyManifests(): VersionFolder[] {
    return this.#folders.filter(({ manifestFault }) => manifestFault !== undefined)
  }

  /** How soon to look again, because something is not complete; undefined when all is. */
  get againAfterMs(): number | undefined {
    const incomplete = this.#chosen().filter(({ why }) => why !== undefined)
    if (incomplete.length === 0) return undefined
    const looks = Math.min(...incomplete.map(({ unchangedLooks }) => unchangedLooks))
    return (
      this.#limits.pendingPollMs * 2 ** Math.min(Math.max(0, looks - DOUBLED_AFTER), DOUBLED_MAX)
    )
  }

  /**
   * What is to be served of it by all that is known now. What was wanted before goes on being wanted
   * as long as nothing is known of what is to follow it.
   */
  wanted(before: readonly WantedVersion[]): WantedModel {
    const { name, versionLabels: labels } = this.config
    const about = { name, labels, fault: this.#fault }
    const outdated = { ...about, versions: before, isOutdated: true }
    if (!this.#isListed)
      return this.#fault === undefined ? { ...outdated, pending: NOT_LOOKED } : outdated
    const folders = this.#chosen()
    const versions = folders
      .flatMap(({ version, directory, accepted }) =>
        accepted === undefined
          ? []
          : [{ version, directory, content: accepted.content, sizeBytes: accepted.sizeBytes }],
      )
      .slice()
    const isUnseen = folders.some(
      ({ accepted, why }) => accepted === undefined && why === undefined,
    )
    const [waiting] = folders
    if (waiting === undefined || (versions.length > 0 && !isUnseen))
      return { ...about, versions, fault: this.#fault ?? this.#missing() }
    if (isUnseen)
      return versions.length > 0
        ? { ...about, versions, pending: NOT_LOOKED }
        : { ...outdated, pending: NOT_LOOKED }
    return { ...outdated, pending: `version ${waiting.version} is not loaded: ${waiting.why}` }
  }

  /** What is asked for and not there. */
  #missing(): string | undefined {
    const { name, basePath, versionPolicy } = this.config
    const there = new Set(this.#asked().folders.map(({ version }) => version))
    if (versionPolicy.kind !== 'specific')
      return there.size > 0 ? undefined : noVersions(name, basePath)
    if (versionPolicy.versions.length === 0)
      return `No specific versions requested for servable ${name}.`
    const missing = versionPolicy.versions.find((version) => !there.has(version))
    return missing === undefined
      ? undefined
      : `Version ${missing} of servable ${name}, which was requested to be served as a 'specific' ` +
          "version in the servable's version policy, was not found in the file system"
  }
}

const noVersions = (name: string, basePath: string): string =>
  `No versions of servable ${name} found under base path ${basePath}. ` +
  "Did you forget to name your leaf directory as a number (eg. '/1/')?"

/** Looks at the same incomplete files before the pauses between them grow, and how often they double. */
const DOUBLED_AFTER = 5
const DOUBLED_MAX = 4
