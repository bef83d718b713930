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
