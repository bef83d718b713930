/** Waits for both, also when one fails: nothing is to go on when the caller decides. */
export async function bothDone<A, B>(a: A, b: B): Promise<[Awaited<A>, Awaited<B>]> {
  await Promise.allSettled([a, b])
  return await Promise.all([a, b])
}
