/** Something that is done when its turn comes. */
type Job = () => Promise<void>

/** So many jobs at a time; urgent ones go first. */
export class Jobs {
  readonly #atOnce: number
  readonly #more: () => Job | undefined
  readonly #urgent: Job[] = []
  /** Taken from the front by an index, so that a long queue costs nothing to shorten. */
  #jobs: Job[] = []
  #first = 0
  #running = 0

  /** Where nothing waits, `more` says what to do next; it is asked after each job, and by `wake`. */
  constructor(atOnce: number, more: () => Job | undefined = () => undefined) {
    this.#atOnce = atOnce
    this.#more = more
  }

  /** Jobs that run or wait. */
  get size(): number {
    return this.#running + this.#urgent.length + this.#jobs.length - this.#first
  }

  /** A job that is its own to end well: nobody hears what it rejects with but `onFault`. */
  add(job: Job, { isUrgent, onFault }: { isUrgent: boolean; onFault: (error: unknown) => void }) {
    const run = async (): Promise<void> => {
      try {
        await job()
      } catch (error) {
        onFault(error)
      }
    }
    if (isUrgent) this.#urgent.push(run)
    else this.#jobs.push(run)
    this.wake()
  }

  /** To be called when there is more to do. */
  wake(): void {
    while (this.#running < this.#atOnce) {
      const next = this.#urgent.shift() ?? this.#take() ?? this.#more()
      if (next === undefined) return
      this.#running++
      void this.#run(next)
    }
  }

  async #run(job: Job): Promise<void> {
    await job()
    this.#running--
    this.wake()
  }

  #take(): Job | undefined {
    const job = this.#jobs[this.#first]
    if (job === undefined) return undefined
    this.#first++
    if (this.#first === this.#jobs.length) {
      this.#jobs = []
      this.#first = 0
    }
    return job
  }
}
