/**
 * Monotonic milliseconds that stand still while the store is away: no deadline runs and no foreign
 * beat grows old in a time in which nobody could have acted.
 */
export function makeClock(monotonic: () => number = () => performance.now()) {
  let offset = 0
  let lastLook = monotonic()
  let awaySince: number | undefined

  return {
    now: (): number => (awaySince ?? monotonic()) - offset,

    /** The store could not be had: time stands still from the last look that succeeded. */
    stop(): void {
      awaySince ??= lastLook
    },

    /** The store was read: time goes on. */
    go(): void {
      if (awaySince !== undefined) offset += monotonic() - awaySince
      awaySince = undefined
      lastLook = monotonic()
    },
  }
}

export type Clock = ReturnType<typeof makeClock>
