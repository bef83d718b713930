/** Waits for all, also when one fails: nothing is to go on when the caller decides. */
export async function allDone<const All extends readonly unknown[]>(
  all: All,
): Promise<{ -readonly [At in keyof All]: Awaited<All[At]> }> {
  await Promise.allSettled(all)
  return await Promise.all(all)
}
