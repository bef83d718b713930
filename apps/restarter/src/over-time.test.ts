// What must come to an end, or go on, whatever others do for hours.

import { expect, test } from 'vitest'
import type { DeploymentView, SeenDeployment } from './observed.ts'
import { config, deployment, state } from './test-support/observed.ts'
import { OverTime, START } from './test-support/over-time.ts'
import { failed, left, moving, pair, settled as nothingNew, wished } from './test-support/roll.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const AWAY: DeploymentView = { kind: 'away', why: 'refused' }
const servers = { a: state(4), b: state(4) }
const settled = { ...nothingNew, template: left(4) }
const restart = { count: 2, at: '2026-01-01T23:30:00.000Z' }

/** A candidate comes after a minute. */
const publishOnce = (fleet: OverTime) => {
  if (fleet.now === MINUTE_MS) fleet.publish()
}
const isDelivered = (fleet: OverTime) =>
  fleet.now > MINUTE_MS && fleet.channel.live?.seq === fleet.channel.candidate?.seq

test('a wish that was made while a roll for another one failed is carried out', () => {
  const fleet = new OverTime({
    channel: { ...settled, rollout: wished, restart: { ...restart, count: 3 } },
    servers,
    delivery: 'restart',
    deployment: deployment(pair(4, 2), { status: failed }),
    onPatch: (each) => {
      each.set({ status: { state: 'done', message: '' } })
      return true
    },
  })

  fleet.run(HOUR_MS, 5_000, () => fleet.patches.at(-1)?.restart === '3')

  expect(fleet.patches.at(-1)).toEqual(pair(4, 3))
})

test('an undo to an older config by the pod template counts in the middle of a roll for a wish', () => {
  const fleet = new OverTime({
    channel: { ...settled, rollout: wished, restart },
    servers,
    delivery: 'restart',
    deployment: deployment(pair(3), { manager: 'kubectl' }),
  })

  fleet.run(HOUR_MS, 1_000, () => fleet.channel.undo !== undefined)

  expect(fleet.channel.undo).toMatchObject({ seq: 3, by: 'kubectl' })
})

test.each<[string, { deployment: DeploymentView; onTick?: (fleet: OverTime) => void }]>([
  [
    'a foreign annotation that may not be put back',
    { deployment: deployment({ config: 'latest' }, { manager: 'kubectl-annotate' }) },
  ],
  [
    'one, and then the API server goes away',
    {
      deployment: deployment({ config: 'latest' }, { manager: 'kubectl-annotate' }),
      onTick: (fleet) => {
        if (fleet.channel.rollout?.step.kind === 'back') fleet.deployment = AWAY
      },
    },
  ],
  [
    'a manifest with an image that cannot be had and a config that was never here',
    {
      deployment: deployment(pair(900), {
        manager: 'kubectl-client-side-apply',
        status: moving,
        trouble: { message: 'ErrImagePull', mayPass: false },
      }),
    },
  ],
])(
  '%s keeps no config that comes by reload waiting for long',
  (_name, { deployment: seen, onTick }) => {
    const fleet = new OverTime({
      channel: settled,
      servers,
      deployment: seen,
      onPatch: (each) => {
        if (seen.kind === 'seen') each.set({ pair: seen.pair, status: seen.status })
        return false
      },
      onTick: (each) => {
        publishOnce(each)
        onTick?.(each)
      },
    })

    fleet.run(HOUR_MS, 1_000, () => isDelivered(fleet))

    expect(isDelivered(fleet)).toBe(true)
    expect(fleet.now).toBeLessThan(5 * MINUTE_MS)
  },
)

test('a roll under live, whose API server is away, keeps no config that comes by reload waiting for long', () => {
  const fleet = new OverTime({
    channel: { ...settled, rollout: wished, restart },
    servers,
    deployment: AWAY,
    onTick: publishOnce,
  })

  fleet.run(HOUR_MS, 1_000, () => isDelivered(fleet))

  expect(isDelivered(fleet)).toBe(true)
  expect(fleet.now).toBeLessThan(5 * MINUTE_MS)
})

const rolling = (more: { onTick: (fleet: OverTime) => void; updated?: Partial<SeenDeployment> }) =>
  new OverTime({
    channel: { template: left(4) },
    servers,
    delivery: 'restart',
    deployment: deployment(pair(4)),
    onPatch: (fleet) => {
      fleet.set({ status: moving, updated: 1, progress: 2, ...more.updated })
      return true
    },
    onTick: more.onTick,
  })

test('a roll ends though a tool replaces the whole Deployment again and again', () => {
  const fleet = rolling({
    onTick: ({ now, channel }) => {
      const isRolling = channel.rollout?.step.kind === 'roll'
      if (now > 0 && now % (3 * MINUTE_MS) === 0 && isRolling)
        fleet.set({ pair: {}, manager: undefined })
    },
  })

  fleet.run(24 * HOUR_MS, 1_000, () => fleet.channel.rejected.length > 0)

  expect(fleet.channel.rejected).toMatchObject([{ seq: 5, kind: 'deadline' }])
  expect(fleet.hours).toBeLessThan(2)
})

test('a roll ends though a new pod gets ready and dies in turn', () => {
  const fleet = rolling({
    onTick: ({ now, channel }) => {
      if (channel.rollout?.step.kind !== 'roll' || now === 0 || now % (2 * MINUTE_MS) !== 0) return
      const isUp = (now / (2 * MINUTE_MS)) % 2 === 0
      fleet.set({ updated: 2, progress: isUp ? 3 : 2, status: { ...moving, message: `${isUp}` } })
    },
  })

  fleet.run(24 * HOUR_MS, 1_000, () => fleet.channel.rollout?.step.kind === 'back')

  expect(fleet.channel.rollout?.step.kind).toBe('back')
  expect(fleet.hours).toBeLessThan(2)
})

test('a roll goes on for as long as pods are replaced, however long that takes', () => {
  const pods = 40
  const fleet = rolling({
    onTick: ({ now }) => {
      if (now % (30 * MINUTE_MS) !== 0 || now === 0) return
      const progress = now / (30 * MINUTE_MS)
      fleet.set({ progress, ...(progress === pods && { status: { state: 'done', message: '' } }) })
      if (progress === pods) fleet.servers = { a: state(5), b: state(5) }
    },
    updated: { progress: 0 },
  })

  fleet.run(24 * HOUR_MS, 1_000, () => fleet.channel.live?.seq === 5)

  expect(fleet.channel).toMatchObject({ live: { seq: 5 }, rejected: [] })
  expect(fleet.hours).toBe(20)
})

test('a tool that holds the annotation on a config that was live brings the fleet back once a day', () => {
  const fleet = new OverTime({
    channel: settled,
    servers,
    delivery: 'restart',
    deployment: deployment(pair(4)),
    onPatch: (each) => {
      each.set({ status: moving })
      return true
    },
    onTick: (each) => {
      publishOnce(each)
      const { now, deployment: seen, channel } = each
      if (
        seen.kind === 'seen' &&
        now > 0 &&
        now % (3 * MINUTE_MS) === 0 &&
        seen.pair.config !== pair(3).config
      )
        each.set({
          pair: { ...seen.pair, ...pair(3) },
          manager: 'argocd-controller',
          status: moving,
        })
      if (now % (4 * MINUTE_MS) === 0) each.set({ status: { state: 'done', message: '' } })
      // The publisher brings what was asked for under a later seq.
      const { undo, candidate, seq } = channel
      if (undo !== undefined && (candidate?.seq ?? -1) <= undo.asked)
        each.channel = { ...channel, seq: seq + 1, candidate: { sha: undo.sha, seq: seq + 1 } }
    },
  })

  fleet.run(12 * HOUR_MS, 1_000)

  expect(fleet.channel.undoneByHand).toMatchObject({ seq: 3, by: 'argocd-controller' })
  expect(fleet.patches.length).toBeLessThan(5)
  expect(fleet.channel.rejected.length).toBeLessThan(5)
})

test('a server that came after the wish, and whose clock is behind, is recycled once', () => {
  const late = state(4, { server: 'b', servingSince: new Date(START - 590_000).toISOString() })
  const fleet = new OverTime({
    channel: {
      candidate: config(4),
      restart: { count: 1, at: new Date(START).toISOString(), recycles: { a: 1 } },
    },
    servers: { a: state(4, { server: 'a', recycles: 2 }), b: late },
    skewMs: 600_000,
  })

  fleet.run(10 * MINUTE_MS, 10_000)

  expect(fleet.recycles).toBe(1)
})
