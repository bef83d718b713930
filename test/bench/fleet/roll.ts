// How long it takes until three pods are replaced, one at a time, in a cluster under load; and whether
// a request failed meanwhile.

import { whyNoLoop } from '../../cluster/loop-images.ts'
import { isOurs } from '../../cluster/cluster.ts'
import { startFleet } from '../../cluster/proof/fleet.ts'
import { deliver, rollAll } from '../../cluster/proof/replace.ts'
import setUp from '../../cluster/set-up.ts'
import type { BenchRow } from '../main.ts'

const PODS = 3
const RATIO_MAX = 1.5

/** The floor is what Kubernetes takes by itself, for `kubectl rollout restart` of the same pods. */
export async function* benchRoll(): AsyncGenerator<BenchRow> {
  const tearDown = setUp()
  try {
    const why = isOurs() ? await whyNoLoop() : 'the cluster is not ours'
    if (why === undefined) yield* measure()
    else console.error(`no roll of pods: ${why}`)
  } finally {
    tearDown?.()
  }
}

async function secondsOf(...how: Parameters<typeof rollAll>): Promise<number> {
  const startedAt = performance.now()
  await rollAll(...how)
  return (performance.now() - startedAt) / 1_000
}

async function* measure(): AsyncGenerator<BenchRow> {
  await using fleet = await startFleet()
  const deployment = 'deployment/tf-server'
  await fleet.kubectl('scale', deployment, `--replicas=${PODS}`)
  await fleet.kubectl('rollout', 'status', deployment, '--timeout=180s')
  await deliver(fleet, 'restart')
  let seconds = NaN
  let floor = NaN
  const told = await fleet.underLoad(async () => {
    floor = await secondsOf(
      fleet,
      async () => await fleet.kubectl('rollout', 'restart', deployment),
    )
    seconds = await secondsOf(fleet)
  })
  const answered = Object.values(told.right).reduce((sum, count) => sum + count, 0)
  const notes = { answered, 'slowest answer, ms': told.slowestMs.toFixed(0) }
  yield {
    name: `roll of ${PODS} pods, one at a time`,
    unit: 's',
    value: seconds,
    floor,
    goal: RATIO_MAX,
    notes,
  }
  yield {
    name: `requests that failed during both rolls`,
    unit: 'requests',
    value: told.failed,
    goal: 0,
    notes: Object.fromEntries(
      told.failures.slice(0, 5).map((each, at) => [`failure ${at}`, JSON.stringify(each)]),
    ),
  }
}
