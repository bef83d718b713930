// Which versions stay in memory under `--max_resident_bytes`. What is used least recently leaves for
// what requests ask for; but nothing leaves that has just come or was just asked, and loads for which
// others leave take no more than a share of the time: else versions that do not fit together would
// chase each other out, and every request would be a load.

import { ServingError } from '@drover/serving-api'
import type { ControlLimits } from './limits.ts'
import { LoadTime } from './load-time.ts'

const MS_PER_S = 1_000
/** What was seen of the last uses is good for choosing for so long. */
const ORDER_MS_MAX = 1_000

const NOT_THERE = 'The model is not in memory, and'
const ALL_ON_THE_WAY = `${NOT_THERE} all others are being loaded or on their way out`
const ALL_JUST_USED = `${NOT_THERE} no other may leave yet: all were loaded or asked a moment ago`
const TOO_MUCH_LOADING = `${NOT_THERE} too much time goes into loading models in place of others`

/** A version in memory. */
export interface Resident {
  bytes: number
  /** When it came, since 1970. */
  readonly sinceMs: number
  /** When it was asked last, since 1970; 0 for never. */
  usedMs(): number
  /** Whether it can do without its memory now. */
  mayLeave(): boolean
  /** Gives its memory back; the bytes are free when it is done. Never throws. */
  leave(): Promise<void>
}

export interface ResidencyOptions {
  /** Undefined for no limit. */
  bytesMax: number | undefined
  limits: Pick<ControlLimits, 'residentMsMin' | 'evictionLoadShareMax' | 'evictionLoadMsMax'>
  /** Since 1970. */
  now: () => number
}

/** What versions hold, and how they came and went since this process started. */
export interface MemoryUse {
  /** Resident and spoken for. */
  readonly bytes: number
  /** Versions that were loaded for requests. */
  readonly coldLoads: number
  /** Versions that left for others. */
  readonly evictions: number
  /** Times that requests were told to come back, as no load could begin for them. */
  readonly refusals: number
}

/** Memory that is spoken for by a version that is being loaded. */
export interface Room {
  /** The version is there and holds so much. */
  settle(resident: Resident): void
  /** Nothing came of it. */
  free(): void
}

/** The memory of all versions. */
export class Residency implements MemoryUse {
  coldLoads = 0
  evictions = 0
  refusals = 0
  readonly #options: ResidencyOptions
  readonly #loadTime: LoadTime
  readonly #residents = new Set<Resident>()
  #bytes = 0
  /** Of those that are on their way out. */
  #leavingBytes = 0
  #order: Resident[] = []
  #orderedMs = 0

  constructor(options: ResidencyOptions) {
    this.#options = options
    this.#loadTime = new LoadTime(options.limits)
  }

  get bytes(): number {
    return this.#bytes
  }

  get isLimited(): boolean {
    return this.#options.bytesMax !== undefined
  }

  /** Whether more has to leave than is on its way out. */
  get isOver(): boolean {
    return this.#bytes - this.#leavingBytes > (this.#options.bytesMax ?? Infinity)
  }

  /** Room without anybody leaving; undefined where there is none. */
  fit(bytes: number): Room | undefined {
    const { bytesMax = Infinity } = this.#options
    return this.#bytes + bytes <= bytesMax ? this.#take(bytes) : undefined
  }

  /**
   * Room for a version that takes another's place: it is needed whether there is room or not, as two
   * versions are in memory during a swap.
   */
  insist(bytes: number): Room {
    return this.#take(bytes)
  }

  /**
   * Room for a version that requests wait for; others leave for it. Throws UNAVAILABLE with the time
   * after which it may go better, and RESOURCE_EXHAUSTED for what can never fit.
   */
  async make(bytes: number): Promise<Room> {
    const { bytesMax = Infinity } = this.#options
    if (bytes > bytesMax)
      throw new ServingError(
        'RESOURCE_EXHAUSTED',
        `It needs ${bytes} bytes of memory, and all models together may have ${bytesMax}`,
      )
    const leaving = this.#choose(this.#bytes + bytes - bytesMax)
    const room = this.#take(bytes)
    await this.#evict(leaving)
    return leaving.length === 0 ? room : this.#timed(room)
  }

  /** What to tell requests for which no load can begin now. */
  refuse(why: string, afterMs: number): ServingError {
    this.refusals++
    const retryAfterS = Math.max(1, Math.ceil(afterMs / MS_PER_S))
    return new ServingError('UNAVAILABLE', why, { retryAfterS })
  }

  /** Makes those leave that are over the limit after a swap. */
  async trim(): Promise<void> {
    const { bytesMax = Infinity } = this.#options
    const leaving: Resident[] = []
    let over = this.#bytes - this.#leavingBytes - bytesMax
    for (const each of over > 0 ? this.#byUse() : []) {
      if (over <= 0) break
      if (!each.mayLeave()) continue
      leaving.push(each)
      over -= each.bytes
    }
    await this.#evict(leaving)
  }

  /** A version holds more now, or less; others leave when that is too much. */
  resize(resident: Resident, bytes: number): void {
    if (!this.#residents.has(resident)) return
    this.#bytes += bytes - resident.bytes
    resident.bytes = bytes
    void this.trim()
  }

  /** A version gave its memory back by itself. */
  remove(resident: Resident): void {
    if (this.#residents.delete(resident)) this.#bytes -= resident.bytes
  }

  #take(bytes: number): Room {
    this.#bytes += bytes
    let isTaken = true
    const free = (): void => {
      if (isTaken) this.#bytes -= bytes
      isTaken = false
    }
    return {
      free,
      settle: (resident) => {
        free()
        this.#residents.add(resident)
        this.#bytes += resident.bytes
      },
    }
  }

  /** A room that is taken for as long as a load takes. */
  #timed(room: Room): Room {
    const { now } = this.#options
    this.#loadTime.begin(now())
    return {
      free: () => {
        this.#loadTime.end(now())
        room.free()
      },
      settle: (resident) => {
        this.#loadTime.end(now())
        room.settle(resident)
      },
    }
  }

  /** Who leaves to free so many bytes: nobody, or enough. */
  #choose(bytes: number): Resident[] {
    if (bytes <= 0) return []
    const { limits, now } = this.#options
    const nowMs = now()
    const waitMs = this.#loadTime.waitMs(nowMs)
    if (waitMs > 0) throw this.refuse(TOO_MUCH_LOADING, waitMs)
    const leaving = new Set<Resident>()
    let missing = bytes
    while (missing > 0) {
      const next = this.#leastUsed(nowMs, leaving)
      const idleMs = next === undefined ? 0 : nowMs - lastMs(next)
      if (next === undefined || idleMs < limits.residentMsMin) {
        // Whoever was chosen may be chosen again.
        this.#order = []
        const why = next === undefined ? ALL_ON_THE_WAY : ALL_JUST_USED
        throw this.refuse(why, limits.residentMsMin - idleMs)
      }
      leaving.add(next)
      missing -= next.bytes
    }
    return [...leaving]
  }

  /** The next in the order of their last uses that has not been asked since it was put there. */
  #leastUsed(nowMs: number, chosen: ReadonlySet<Resident>): Resident | undefined {
    if (nowMs - this.#orderedMs > ORDER_MS_MAX) this.#order = []
    const found = this.#takeFromOrder(chosen)
    if (found !== undefined) return found
    // Others may have come since it was made.
    this.#order = this.#byUse().toReversed()
    this.#orderedMs = nowMs
    return this.#takeFromOrder(chosen)
  }

  #takeFromOrder(chosen: ReadonlySet<Resident>): Resident | undefined {
    for (let next = this.#order.pop(); next !== undefined; next = this.#order.pop())
      if (this.#mayLeave(next) && lastMs(next) <= this.#orderedMs && !chosen.has(next)) return next
    return undefined
  }

  #mayLeave(resident: Resident): boolean {
    return this.#residents.has(resident) && resident.mayLeave()
  }

  #byUse(): Resident[] {
    return Array.from(this.#residents, (resident) => ({ resident, atMs: lastMs(resident) }))
      .toSorted((a, b) => a.atMs - b.atMs)
      .map(({ resident }) => resident)
  }

  async #evict(leaving: readonly Resident[]): Promise<void> {
    // Their bytes count until they are free, but nobody chooses them again: all of them begin to
    // leave before anything else can happen.
    this.evictions += leaving.length
    for (const each of leaving) {
      this.#residents.delete(each)
      this.#leavingBytes += each.bytes
    }
    await Promise.all(
      leaving.map(async (each) => {
        await each.leave()
        this.#leavingBytes -= each.bytes
        this.#bytes -= each.bytes
      }),
    )
  }
}

const lastMs = (resident: Resident): number => Math.max(resident.sinceMs, resident.usedMs())
