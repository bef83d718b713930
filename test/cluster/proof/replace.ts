// How the proof has all servers replaced, and knows that they were.

import { z } from 'zod'
import { until } from '../cluster.ts'
import type { Loop } from '../loop-stack.ts'
import type { Pod } from '../pods.ts'
import type { Fleet } from './fleet.ts'

const WAIT_MS_MAX = 180_000

const Status = z.looseObject({
  delivery: z.string(),
  channel: z.looseObject({ rollout: z.unknown().optional() }),
})

const readStatus = async ({ call }: Pick<Loop, 'call'>) =>
  Status.parse(await call('restarter', '/v1/status'))

/** Wishes that every model server, or every pod, is replaced. */
export async function wishRestart({ call }: Pick<Loop, 'call'>): Promise<void> {
  await call('restarter', '/v1/restart', { why: 'the proof' })
}

/** Sets how configs are delivered, and waits until the restarter that was told is the one that answers. */
export async function deliver(fleet: Fleet, delivery: 'reload' | 'restart'): Promise<void> {
  await fleet.kubectl('set', 'env', 'deployment/restarter', `DROVER_DELIVERY=${delivery}`)
  await fleet.kubectl('rollout', 'status', 'deployment/restarter', '--timeout=120s')
  // The port of a node may lead to the old one for a moment.
  await until(
    'the new restarter answers',
    async () => (await readStatus(fleet).catch(() => undefined))?.delivery === delivery,
  )
}

/** Waits until nothing is rolled out, whichever restarter says so. */
export async function untilResting(fleet: Fleet): Promise<void> {
  const isResting = async () => {
    const status = await readStatus(fleet).catch(() => undefined)
    return status !== undefined && status.channel.rollout === undefined
  }
  await until('the restarter rests', isResting, WAIT_MS_MAX)
}

/** Wishes a recycle, waits until every server has had one. */
export async function recycleAll(fleet: Fleet): Promise<void> {
  const before = await fleet.recycles()
  await wishRestart(fleet)
  const haveRecycled = async () => {
    const now = await fleet.recycles()
    return [...before].every(([server, count]) => (now.get(server) ?? count) > count)
  }
  await until('every server has recycled', haveRecycled, WAIT_MS_MAX)
  await untilResting(fleet)
}

/**
 * Wishes a roll unless told how it is brought about, waits until every pod is another one and ready.
 * The restarter has to deliver by `restart`.
 */
export async function rollAll(
  fleet: Fleet,
  bring: () => Promise<unknown> = async () => await wishRestart(fleet),
): Promise<void> {
  const before = new Set((await fleet.pods()).map(({ uid }) => uid))
  await bring()
  const areNew = async () => {
    const pods = await fleet.pods()
    const isNew = ({ uid, isReady }: Pod) => isReady && !before.has(uid)
    return pods.length === before.size && pods.every(isNew)
  }
  await until('every pod is new and ready', areNew, WAIT_MS_MAX)
  await untilResting(fleet)
}
