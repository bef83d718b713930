// The restarter is killed at the moments of its work that it has to survive.

import type { Channel } from '@drover/model-config'
import { until } from '../cluster.ts'
import type { Fleet } from './fleet.ts'
import { processOf } from './nodes.ts'

const TRIES = 10
const START_MS_MAX = 120_000

/** A moment, and whether it is there: of the fleet, whose pods had these names when the work began. */
export type Moment = readonly [
  name: string,
  isThere: (fleet: Fleet, before: ReadonlySet<string>) => Promise<boolean>,
]

type Step = NonNullable<Channel['rollout']>['step']
const whenStep =
  (is: (step: Step) => boolean): Moment[1] =>
  async (fleet) => {
    const { rollout } = await fleet.channel()
    return rollout !== undefined && is(rollout.step)
  }

export const OF_PUBLISH: readonly Moment[] = [
  [
    'the first server is asked',
    whenStep(({ kind, servers }) => kind === 'apply' && servers.length === 1),
  ],
  ['the second is asked', whenStep(({ kind, servers }) => kind === 'apply' && servers.length > 1)],
]
export const OF_RECYCLE: Moment = [
  'a model server is replaced',
  whenStep(({ kind }) => kind === 'recycle'),
]
export const OF_ROLL: readonly [Moment, ...Moment[]] = [
  [
    'a new pod is there',
    async (fleet, before) => (await fleet.pods()).some(({ uid }) => !before.has(uid)),
  ],
  ['it is decided', whenStep(({ kind, template }) => kind === 'roll' && template?.seen === false)],
  [
    'the template is seen',
    whenStep(({ kind, template }) => kind === 'roll' && template?.seen === true),
  ],
  [
    'a new pod is ready',
    async (fleet, before) =>
      (await fleet.pods()).some(({ uid, isReady }) => isReady && !before.has(uid)),
  ],
  [
    'every pod is new',
    async (fleet, before) => (await fleet.pods()).every(({ uid }) => !before.has(uid)),
  ],
]

/** Whether the moment came before the work was done: the restarter is dead then, and gets a new pod. */
async function killAt(fleet: Fleet, [, isThere]: Moment, done: AbortSignal): Promise<boolean> {
  const before = new Set((await fleet.pods()).map(({ uid }) => uid))
  const [holder] = await fleet.pods('restarter')
  const pid = processOf(holder?.uid ?? '', 'restarter/dist/main.js')
  // Without a pause: some of these moments last for less than a tenth of a second.
  while (!(await isThere(fleet, before))) if (done.aborted) return false
  process.kill(pid, 'SIGKILL')
  // A container that ends often is started ever later; a new pod is not.
  await fleet.kubectl('delete', 'pod', holder?.name ?? '', '--grace-period=0', '--force')
  return true
}

/** Does the work until the restarter was killed at the moment, and then came to the end of it. */
export async function withKillAt(
  fleet: Fleet,
  moment: Moment,
  work: () => Promise<void>,
): Promise<void> {
  for (let turn = 0; turn < TRIES; turn++) {
    await until(
      'a restarter is ready',
      async () => (await fleet.pods('restarter')).some(({ isReady }) => isReady),
      START_MS_MAX,
    )
    const done = new AbortController()
    const killing = killAt(fleet, moment, done.signal)
    const [isKilled] = await Promise.all([killing, work().finally(() => done.abort())])
    if (isKilled) return
  }
  throw new Error(`${TRIES} times it was over before this was seen: ${moment[0]}`)
}
