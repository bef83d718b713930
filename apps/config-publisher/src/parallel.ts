/** Runs over all items, so many at a time; the first failure is the whole's, and starts no more. */
export async function mapParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  let failed = false
  async function work(): Promise<void> {
    while (next < items.length && !failed) {
      const at = next++
      const item = items[at]
      if (item === undefined) continue
      try {
        results[at] = await run(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work))
  return results
}

/** So many at a time; the others wait in the order in which they came. */
export function makeSlots(count: number) {
  const waiting: (() => void)[] = []
  let free = count
  return {
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (free > 0) free--
      else await new Promise<void>((start) => waiting.push(start))
      try {
        return await work()
      } finally {
        const start = waiting.shift()
        if (start === undefined) free++
        else start()
      }
    },
  }
}

export type Slots = ReturnType<typeof makeSlots>
