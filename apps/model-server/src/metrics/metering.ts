// Gathers, every second, what the serving threads have to tell; answers who asks for it.

import type { Usage } from '../control/ports.ts'
import type { ThreadReport } from '../serving/messages.ts'
import type { Metric } from '@drover/service'
import { SERIES_LIMITS, writePage } from './page.ts'
import { Totals } from './totals.ts'

const GATHER_MS = 1_000

/** What each thread has to tell, by its name. */
export type Reports = ReadonlyMap<string, ThreadReport>

export interface MeteringOptions {
  /** What each thread has to tell; the delays of their loops begin anew where that is wanted. */
  report: (beginsAnew: boolean) => Promise<Reports>
  /** Whether a model of this name is configured, served or not. */
  isModel: (name: string) => boolean
  /** What is measured at the moment. */
  gauges: (reports: Reports) => readonly Metric[]
  onFault: (error: unknown) => void
}

/** What is known of requests, in all threads together. */
export class Metering implements Disposable {
  readonly #options: MeteringOptions
  readonly #totals: Totals
  readonly #timer: NodeJS.Timeout
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: MeteringOptions) {
    this.#options = options
    this.#totals = new Totals(options.isModel)
    this.#timer = setInterval(() => void this.#gather(false).catch(options.onFault), GATHER_MS)
    this.#timer.unref()
  }

  /** As of the last second. */
  usageOf(name: string): Usage {
    return this.#totals.of(name)
  }

  forget(name: string): void {
    this.#totals.forget(name)
  }

  /** The metrics page, as of now. */
  async page(): Promise<Uint8Array> {
    const reports = await this.#gather(true)
    return writePage(this.#totals.series(SERIES_LIMITS), this.#options.gauges(reports))
  }

  /** One after the other: each thread tells each count once. */
  async #gather(beginsAnew: boolean): Promise<Reports> {
    const gathering = this.#last.then(async () => {
      const reports = await this.#options.report(beginsAnew)
      for (const { models } of reports.values()) this.#totals.add(models)
      return reports
    })
    this.#last = gathering.catch(() => {})
    return await gathering
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
