import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FreeList, type Stretch } from './free-list.ts'

const [FROM, TO] = [100, 1_100]
const isApart = (a: Stretch, b: Stretch): boolean => a.at + a.size <= b.at || b.at + b.size <= a.at

test('what is taken never overlaps, and all of it can be taken again once it is given back', () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ giveBack: fc.nat(50) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const list = new FreeList(FROM, TO)
      const taken: Stretch[] = []
      for (const each of steps) {
        if ('giveBack' in each) {
          const [stretch] = taken.splice(each.giveBack % (taken.length + 1), 1)
          if (stretch !== undefined) list.free(stretch)
          continue
        }
        const at = list.allocate(each.take)
        // There is always room in an empty list; a full one may have none in one piece.
        expect(at !== undefined || taken.length > 0).toBe(true)
        if (at === undefined) continue
        const stretch = { at, size: each.take }
        expect(at >= FROM && at + each.take <= TO).toBe(true)
        expect(taken.every((other) => isApart(other, stretch))).toBe(true)
        taken.push(stretch)
      }

      for (const stretch of taken) list.free(stretch)

      expect(list.isEmpty).toBe(true)
      expect(list.allocate(TO - FROM)).toBe(FROM)
    }),
    { numRuns: 500 },
  )
})

test('the smallest stretch that is large enough is taken', () => {
  const list = new FreeList(0, 100)
  const [large = -1, , small = -1] = [30, 10, 12, 48].map((size) => list.allocate(size))
  list.free({ at: large, size: 30 })
  list.free({ at: small, size: 12 })

  expect(list.fit(11)).toBe(12)
  expect(list.allocate(11)).toBe(small)
  expect(list.allocate(20)).toBe(large)
})

test('memory is not given back twice', () => {
  const list = new FreeList(0, 100)
  const at = list.allocate(10) ?? -1
  list.free({ at, size: 10 })

  expect(() => list.free({ at, size: 10 })).toThrow(/free already/)
})
