// What a load saw. A failure is any request that was refused, reset, answered by anything but a right
// answer of a version that may answer, or answered late.

/** An answer that takes longer has failed. */
export const ANSWER_MS_MAX = 1_000
/** Models are asked about so many numbers. */
const NUMBERS = 1_000
/** So many failures are told one by one. */
const TOLD_MAX = 50

/** Which clients a request comes from. */
export type Kind = 'rest' | 'rest, slow' | 'grpc-js' | 'grpc core'

export interface Failure {
  at: string
  kind: Kind
  model: string
  what: string
  /** How long the request had been under way. */
  ms: number
}

/** The one line of a load. */
export interface Told {
  /** Right answers, by kind. */
  right: Record<string, number>
  failed: number
  /** The first of them. */
  failures: Failure[]
  slowestMs: number
}

/** The versions of a model that may answer: no older one than was confirmed when a request began. */
export interface Bounds {
  floor: number
  ceiling: number
}

export class Tally {
  readonly #bounds = new Map<string, Bounds>()
  readonly #right = new Map<Kind, number>()
  readonly #failures: Failure[] = []
  #failed = 0
  #slowestMs = 0

  /** From now on these versions of a model may answer. */
  bound(model: string, bounds: Bounds): void {
    this.#bounds.set(model, bounds)
  }

  /** Counts one request, whose model answers `x + version`. */
  async count(kind: Kind, model: string, ask: (x: number) => Promise<number>): Promise<void> {
    const { floor = 0 } = this.#bounds.get(model) ?? {}
    const x = Math.floor(Math.random() * NUMBERS)
    const startMs = performance.now()
    const found = await ask(x).then(
      (y) => this.#faultOf(model, y - x, floor),
      (error: unknown) => (error instanceof Error ? error.message : 'no error'),
    )
    const ms = performance.now() - startMs
    this.#slowestMs = Math.max(this.#slowestMs, ms)
    const what = found ?? (ms > ANSWER_MS_MAX ? 'late' : undefined)
    if (what === undefined) return void this.#right.set(kind, (this.#right.get(kind) ?? 0) + 1)
    this.#failed++
    if (this.#failures.length < TOLD_MAX)
      this.#failures.push({ at: new Date().toISOString(), kind, model, what, ms: Math.round(ms) })
  }

  #faultOf(model: string, version: number, floor: number): string | undefined {
    const { ceiling = 0 } = this.#bounds.get(model) ?? {}
    const isRight = Number.isInteger(version) && version >= floor && version <= ceiling
    return isRight ? undefined : `version ${version} answers, and not ${floor} to ${ceiling}`
  }

  tell(): Told {
    return {
      right: Object.fromEntries(this.#right),
      failed: this.#failed,
      failures: this.#failures,
      slowestMs: Math.round(this.#slowestMs),
    }
  }
}
