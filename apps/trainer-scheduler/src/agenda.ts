import { type ModelId, parseServedName, servedName } from '@drover/model-config'

/** The longest a timer of Node can wait is 24 days; looking in between does no harm. */
const SLEEP_MS_MAX = 86_400_000
/** A look that does not say when the next one is, as when the store is away, is repeated after this. */
const REPEAT_MS = 5_000

/**
 * When to look at which model again: the end of a pause, of a claim or of a schedule's slot. One
 * timer runs for all of them. It holds hints only: a full scan makes it anew.
 */
export function makeAgenda(now: () => number, onDue: () => void) {
  const dueAt = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let timerAt = Number.POSITIVE_INFINITY

  function arm(at: number): void {
    if (at >= timerAt) return
    clearTimeout(timer)
    timerAt = at
    timer = setTimeout(
      () => {
        timerAt = Number.POSITIVE_INFINITY
        onDue()
      },
      Math.min(Math.max(0, at - now()), SLEEP_MS_MAX),
    )
    timer.unref()
  }

  return {
    /** Looks at the model at `at` and not at any other time; undefined: not before it is changed. */
    set(model: ModelId, at: number | undefined): void {
      const name = servedName(model)
      if (at === undefined) {
        dueAt.delete(name)
        return
      }
      // Models that fall due together are looked at in the order in which they were set.
      dueAt.delete(name)
      dueAt.set(name, at)
      arm(at)
    },

    /** Whatever is due. It stays on the agenda for later, until a look says better. */
    takeDue(): ModelId[] {
      const moment = now()
      const due: ModelId[] = []
      let next = Number.POSITIVE_INFINITY
      for (const [name, at] of dueAt) {
        if (at <= moment) {
          dueAt.set(name, moment + REPEAT_MS)
          due.push(parseServedName(name))
        }
        next = Math.min(next, dueAt.get(name) ?? next)
      }
      arm(next)
      return due
    },

    [Symbol.dispose](): void {
      clearTimeout(timer)
      timerAt = Number.NEGATIVE_INFINITY
    },
  }
}

export type Agenda = ReturnType<typeof makeAgenda>
