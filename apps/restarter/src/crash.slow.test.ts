import type { ConfigRef } from '@drover/model-config'
import { withFaults } from '@drover/model-store'
import { expect, test, vi } from 'vitest'
import { culpritOf, type Fleet, startFleet, startRestarter } from './test-support/fleet.ts'

const WAIT = { timeout: 30_000, interval: 10 }
const POINTS_MAX = 500
// So that no candidate is held back for holding it.
const VERSION_NEVER_PUBLISHED = 1_000_000

class Crash extends Error {}

/** The store of a process that dies at its nth point: from there on nothing gets through. */
function dyingStore({ store }: Fleet, point: number) {
  const died = { value: false }
  let points = 0
  const faulty = withFaults(store, () => {
    points += 1
    died.value ||= points >= point
    if (died.value) throw new Crash(`point ${point}`)
  })
  return { faulty, died }
}

async function isOver(fleet: Fleet, candidate: ConfigRef): Promise<boolean> {
  const { live, rejected, rollout } = await fleet.readChannel()
  const isDecided = [live, ...rejected].some((each) => each?.seq === candidate.seq)
  return isDecided && rollout === undefined
}

/** A rollout whose restarter dies at a point; the next one brings it to its end. */
async function crashAt(fleet: Fleet, version: number, point: number) {
  const { faulty, died } = dyingStore(fleet, point)
  const first = startRestarter({ ...fleet, store: faulty }, { instance: 'one' })
  const candidate = await fleet.publish(version)
  first.nudge()
  await vi.waitUntil(async () => died.value || (await isOver(fleet, candidate)), WAIT)
  await first.stop()
  await using second = startRestarter(fleet, { instance: 'one' })
  await vi.waitUntil(async () => await isOver(fleet, candidate), WAIT)
  await vi.waitUntil(async () => {
    const { live } = await fleet.readChannel()
    return fleet.agents.every(({ state }) => state.config?.seq === live?.seq)
  }, WAIT)
  expect(second.errors).toEqual([])
  return { candidate, hasDied: died.value }
}

test('whichever call of the store is the last of a restarter, the next one finishes the rollout', async () => {
  await using fleet = await startFleet(2)
  let point = 1
  for (; point < POINTS_MAX; point++) {
    const { candidate, hasDied } = await crashAt(fleet, point, point)

    expect((await fleet.readChannel()).live, `point ${point}`).toMatchObject(candidate)
    if (!hasDied) break
  }
  expect(point).toBeGreaterThan(20)
  expect((await fleet.readChannel()).rejected).toEqual([])
})

test('whichever call of the store is the last of a restarter, the next one finishes going back', async () => {
  await using fleet = await startFleet(2)
  const { candidate: good } = await crashAt(fleet, 1, POINTS_MAX)
  for (const { knobs } of fleet.agents) {
    knobs.failedIn = ({ seq }) => (seq > good.seq ? [culpritOf(VERSION_NEVER_PUBLISHED)] : [])
  }
  let point = 1
  for (; point < POINTS_MAX; point++) {
    const { candidate, hasDied } = await crashAt(fleet, point + 1, point)

    const { live, rejected } = await fleet.readChannel()
    expect(live, `point ${point}`).toMatchObject(good)
    expect(rejected.at(-1), `point ${point}`).toMatchObject({ ...candidate, kind: 'model' })
    if (!hasDied) break
  }
  expect(point).toBeGreaterThan(20)
})
