// What a restarter makes over hours of people and tools that change the pod template.

import { expect, test } from 'vitest'
import type { SeenDeployment } from './observed.ts'
import { deployment, state } from './test-support/observed.ts'
import { OverTime, type OverTimeOptions } from './test-support/over-time.ts'
import { left, moving, pair, settled } from './test-support/roll.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const servers = { a: state(4), b: state(4) }
const done = { status: { state: 'done' as const, message: '' } }

/** A fleet to which config 5 is rolled out; `onTick` plays the Deployment. */
const rolledBy = (more: Partial<OverTimeOptions>, view: Partial<SeenDeployment> = {}) =>
  new OverTime({
    channel: { template: left(4) },
    servers,
    delivery: 'restart',
    deployment: deployment(pair(4), view),
    ...more,
  })

test('a person who takes a roll back is obeyed though a newer candidate waits', () => {
  const fleet = rolledBy({
    onPatch: (each) => {
      each.set({ status: moving, updated: 1, progress: 2 })
      return true
    },
    onTick: (each) => {
      if (each.now === 2 * MINUTE_MS) each.publish()
      if (each.now === 5 * MINUTE_MS) each.set({ pair: pair(4), manager: 'kubectl' })
      if (each.now === 6 * MINUTE_MS) each.set(done)
    },
  })

  fleet.run(10 * MINUTE_MS, 1_000)

  expect(fleet.channel.undo).toMatchObject({ seq: 4, by: 'kubectl' })
  expect(fleet.channel.rejected).toMatchObject([{ seq: 5 }])
})

test('configs become live though a tool replaces the Deployment in the middle of each roll', () => {
  let changedAt = 0
  const fleet: OverTime = rolledBy({
    onPatch: (each) => {
      each.set({ status: moving, updated: 1, progress: 2 })
      changedAt = each.now
      return true
    },
    onTick: (each) => {
      const { now, deployment: seen } = each
      if (now > 0 && now % (5 * MINUTE_MS) === 0) each.publish()
      if (now > 0 && now % (10 * MINUTE_MS) === 0) {
        each.set({ pair: {}, manager: 'helm', status: moving })
        changedAt = now
      }
      if (seen.kind !== 'seen' || now - changedAt !== 7 * MINUTE_MS) return
      each.set(done)
      const seq = Number.parseInt(seen.pair.config ?? '', 10)
      for (const url of ['a', 'b']) each.servers[url] = state(seq)
    },
  })

  fleet.run(6 * HOUR_MS, 1_000)

  const lives = fleet.writes.filter((what) => what === 'live').length
  expect(lives).toBeGreaterThan(20)
  expect(fleet.channel.rejected).toEqual([])
})

test.each<[string, (fleet: OverTime) => void]>([
  [
    'a fleet that is made smaller',
    (fleet) => {
      const step = fleet.now / (5 * MINUTE_MS)
      if (step <= 30) fleet.set({ progress: 40 + step, updated: step })
      else fleet.set({ replicas: 20, progress: 20 + step - 31, updated: step - 31 })
    },
  ],
  [
    'a fleet whose image is changed',
    (fleet) => {
      const step = fleet.now / (5 * MINUTE_MS)
      if (step <= 30) fleet.set({ progress: 40 + step, updated: step })
      else fleet.set({ templateSha: 'f'.repeat(64), progress: 40 + step - 31, updated: step - 31 })
    },
  ],
])('late in a roll, %s has all its time again', (_name, play) => {
  const fleet = rolledBy(
    {
      onPatch: (each) => {
        each.set({ status: moving, updated: 0, progress: 40 })
        return true
      },
      onTick: (each) => {
        const isRolling = each.channel.rollout?.step.kind === 'roll'
        if (isRolling && each.now > 0 && each.now % (5 * MINUTE_MS) === 0) play(each)
      },
    },
    { replicas: 40, progress: 80 },
  )

  // After 31 steps of five minutes: as long as the twenty pods of the smaller fleet take.
  fleet.run(49 * 5 * MINUTE_MS, 1_000)

  expect(fleet.channel.rejected).toEqual([])
  expect(fleet.channel.rollout?.step.kind).toBe('roll')
})

test('with nobody ready, an annotation that a tool sets again and again costs a few writes in a minute', () => {
  const foreign = pair(900)
  const fleet = new OverTime({
    channel: { ...settled, template: left(4) },
    servers: { a: state(4, { ready: false }) },
    deployment: deployment(foreign, { manager: 'argocd-controller' }),
    onTick: (each) => {
      if (each.now === 2 * MINUTE_MS) each.publish()
      const isPutBack =
        each.deployment.kind === 'seen' && each.deployment.pair.config !== foreign.config
      if (each.now % 30_000 === 0 && isPutBack)
        each.set({ pair: foreign, manager: 'argocd-controller' })
    },
  })

  fleet.run(HOUR_MS, 1_000)

  const writes = fleet.writes.filter((what) => what !== 'beat')
  expect(writes.length).toBeLessThan(10 * 60)
  expect(fleet.patches.length).toBeGreaterThan(20)
})
