import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Admission, type Place } from './admission.ts'

const TEXTS_MAX = 100
/** Of the event loop: enough for many requests to be let in. */
const TURNS = 20

/** Lets requests in that may bring so many texts each; `inside` has those that are. */
async function enter(admission: Admission, texts: readonly number[]) {
  const inside = new Map<number, Place>()
  for (const [index, each] of texts.entries())
    void admission.enter(each).then((place) => inside.set(index, place))
  await turns()
  return inside
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < TURNS; turn++) await setImmediate()
}

describe('the lane lets in', () => {
  test.each<[string, number[], number[]]>([
    ['as many short ones as there is room for', [40, 40, 20, 1], [0, 1, 2]],
    ['one long one at a time, and short ones beside it', [80, 80, 50, 50, 50], [0, 2, 3]],
    ['one that may bring more than there is room for', [1_000, 1_000], [0]],
    ['all that bring no texts', [0, 0, 0, 0], [0, 1, 2, 3]],
  ])('%s', async (_, texts, inside) => {
    const admission = new Admission(TEXTS_MAX)

    const entered = await enter(admission, texts)

    expect([...entered.keys()].toSorted((one, other) => one - other)).toEqual(inside)
  })

  test('the next when one turns out to hold fewer texts than it might have brought', async () => {
    const inside = await enter(new Admission(TEXTS_MAX), [80, 80])

    inside.get(0)?.hold(10)
    await turns()

    expect([...inside.keys()]).toEqual([0, 1])
  })

  test('nobody while one turns out to hold more, and the next when it has left', async () => {
    const admission = new Admission(TEXTS_MAX)
    const inside = await enter(admission, [10])
    inside.get(0)?.hold(200)
    const next = await enter(admission, [10])
    const before = next.size

    inside.get(0)?.leave()
    await turns()

    expect(before).toBe(0)
    expect(next.size).toBe(1)
  })
})
