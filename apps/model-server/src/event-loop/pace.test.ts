import { expect, test } from 'vitest'
import { inSlices } from './pace.ts'

/** Work without an end. */
function* forever(): Generator<undefined, never> {
  for (;;) yield
}

test('work ends where a look between two slices finds that it is not worth going on', async () => {
  let looks = 0
  const look = (): void => {
    looks++
    if (looks === 3) throw new Error('nobody waits')
  }

  await expect(inSlices(forever(), 1, look)).rejects.toThrow('nobody waits')
})
