/** Calls `each` for all items, at most `limit` at a time; the first error ends it once all that began are done. */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  each: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  let isFailed = false
  async function work(): Promise<void> {
    for (const item of queue) {
      if (isFailed) return
      try {
        await each(item)
      } catch (error) {
        isFailed = true
        throw error
      }
    }
  }
  const workers = Array.from({ length: Math.min(limit, items.length) }, work)
  const failed = (await Promise.allSettled(workers)).find((done) => done.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** The items in groups of at most `size`. */
export function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

/** Waits for both, also when one fails: nothing may still write when the caller decides. */
export async function bothDone<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b])
  return await Promise.all([a, b])
}
