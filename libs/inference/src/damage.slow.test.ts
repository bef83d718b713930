import { describe, expect, test } from 'vitest'
import { cut, faultOfReading, flipped, WHOLE } from './damage.fixture.ts'

/** Over all models, half of them cuts. */
const MUTATIONS = 10_000
const LONG_MS_MAX = 5 * 60_000

describe.each(Object.entries(WHOLE))('the %s model', (_, make) => {
  const bytes = make()
  const half = Math.ceil(MUTATIONS / Object.keys(WHOLE).length / 2)
  const spread = (of: number) =>
    Array.from({ length: Math.min(half, of) }, (_each, at) => Math.floor((at * of) / half))

  test(
    'cut short is refused',
    () => {
      for (const at of spread(bytes.length))
        expect(faultOfReading(cut(bytes, at)), `cut at ${at}`).toBeUndefined()
    },
    LONG_MS_MAX,
  )

  test(
    'with a bit turned is read or refused',
    () => {
      for (const bit of spread(bytes.length * 8))
        expect(faultOfReading(flipped(bytes, bit)), `bit ${bit}`).toBeUndefined()
    },
    LONG_MS_MAX,
  )
})
