import { expect, test, vi } from 'vitest'
import { makeLoop } from './loop.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const LONG_MS = 60_000

/** A loop whose turns are counted; `turn` decides what each does. */
function start(turn: (count: number) => Promise<boolean>, backoffMs = 20) {
  const stop = new AbortController()
  const errors: unknown[] = []
  const world = { turns: 0 }
  const loop = makeLoop({
    turn: async () => await turn(++world.turns),
    scanMs: LONG_MS,
    backoffMs,
    onError: (error) => errors.push(error),
  })
  const ended = loop.run(stop.signal)
  return {
    loop,
    world,
    errors,
    stop: async () => {
      stop.abort()
      await ended
    },
  }
}

test('turns follow one another until nothing is left to do', async () => {
  const { world, stop } = start(async (count) => count < 5)

  await until(() => world.turns === 5)
  await stop()

  expect(world.turns).toBe(5)
})

test('a nudge leads to a look', async () => {
  const { loop, world, stop } = start(async () => false)
  await until(() => world.turns === 1)

  loop.nudge()

  await until(() => world.turns > 1)
  await stop()
  expect(world.turns).toBe(2)
})

test('nudges during a turn lead to one more turn', async () => {
  let end: (() => void) | undefined
  const { loop, world, stop } = start(async (count) => {
    if (count === 1) await new Promise<void>((resolve) => (end = resolve))
    return false
  })
  await until(() => world.turns === 1)

  loop.nudge()
  loop.nudge()
  end?.()

  await until(() => world.turns === 2)
  await stop()
  expect(world.turns).toBe(2)
})

test('after a failed turn the loop waits, however often it is nudged', async () => {
  const at: number[] = []
  const { loop, world, errors, stop } = start(async (count) => {
    at.push(performance.now())
    if (count <= 2) throw new Error('broken')
    return false
  }, 200)

  await until(() => {
    loop.nudge()
    return world.turns >= 3
  })
  await stop()

  expect(errors).toMatchObject([{ message: 'broken' }, { message: 'broken' }])
  // Timers may be early by less than a millisecond.
  expect((at[2] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(2 * 199)
})

test('it looks again by itself', async () => {
  const stop = new AbortController()
  let turns = 0
  const turn = async () => {
    turns++
    return false
  }
  const loop = makeLoop({ turn, scanMs: 10, backoffMs: 10, onError: () => {} })

  const ended = loop.run(stop.signal)

  await until(() => turns >= 3)
  stop.abort()
  await expect(ended).resolves.toBeUndefined()
})

test('a stop ends the wait at once, and a turn when it is finished', async () => {
  let end: (() => void) | undefined
  let finished = false
  const { world, stop } = start(async () => {
    await new Promise<void>((resolve) => (end = resolve))
    finished = true
    return true
  })
  await until(() => world.turns === 1)

  const stopped = stop()
  end?.()
  await stopped

  expect(finished).toBe(true)
  expect(world.turns).toBe(1)
})

test('what a turn throws because it was stopped is no failure', async () => {
  const errors: unknown[] = []
  const stop = new AbortController()
  const loop = makeLoop({
    turn: async (signal) => {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped')))
      })
      return false
    },
    scanMs: LONG_MS,
    backoffMs: LONG_MS,
    onError: (error) => errors.push(error),
  })

  const ended = loop.run(stop.signal)
  stop.abort()
  await ended

  expect(errors).toEqual([])
})
