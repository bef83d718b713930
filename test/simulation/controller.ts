import { annotationOf, sha256 } from '@drover/model-config'
import { API, arrive, canStart, counts, isSame, setTemplate, type SimCluster } from './cluster.ts'
import type { Fleet } from './fleet.ts'
import { hasTrouble, type Steps } from './world.ts'

const LATE_MS = [500, 3_000, 25_000, 70_000, 200_000] as const

/** What people and machines do to a cluster, by chance: each in the middle of whatever goes on. */
export const CLUSTER_EVENTS: readonly ((
  fleet: Fleet,
  cluster: SimCluster,
  rest: number,
) => void)[] = [
  // kubectl rollout undo
  (fleet, { revisions, template }, rest) => {
    const before = revisions.filter((each) => !isSame(each, template))
    const chosen = before[before.length - 1 - (rest % Math.max(1, before.length))]
    if (chosen !== undefined) setTemplate(fleet, chosen, 'kubectl')
  },
  // An image is set, and takes what the annotations say with it or not.
  (fleet, { template, revisions }, rest) => {
    const sha = sha256(`image ${fleet.world.now} ${rest}`)
    const pair = rest % 2 === 0 ? template.pair : (revisions[0]?.pair ?? template.pair)
    setTemplate(fleet, { pair, sha }, 'kubectl-set')
  },
  // An annotation is written by hand.
  (fleet, { template: { sha, pair } }, rest) => {
    const { candidate } = fleet.channel ?? {}
    const config = rest % 2 === 0 || candidate === undefined ? 'latest' : annotationOf(candidate)
    setTemplate(fleet, { sha, pair: { ...pair, config } }, 'kubectl-annotate')
  },
  (_fleet, cluster, rest) => void (cluster.delayMs = LATE_MS[rest % LATE_MS.length] ?? 0),
  // All fleets are in one Kubernetes.
  ({ world }, _cluster, rest) =>
    void world.troubles.away.set(API, world.now + (LATE_MS[rest % LATE_MS.length] ?? 0)),
  // A node is drained.
  (fleet, cluster, rest) => {
    const urls = [...cluster.pods.keys()]
    const url = urls[rest % Math.max(1, urls.length)]
    if (url !== undefined) endPod(fleet, cluster, url)
  },
]

/** Deployment controller and kubelets: one pod more than wished for, none less that is ready. */
export function* controller(fleet: Fleet): Steps {
  const { world } = fleet
  for (;;) {
    const { cluster } = fleet
    if (cluster === undefined || hasTrouble(world, 'away', API)) {
      yield 'idle'
      continue
    }
    const late = cluster.late.filter(({ at }) => at <= world.now)
    cluster.late = cluster.late.filter((each) => !late.includes(each))
    for (const patch of late) arrive(fleet, patch)
    const hasMoved = late.length > 0 || moveOn(fleet, cluster)
    yield hasMoved ? 'step' : 'idle'
  }
}

function moveOn(fleet: Fleet, cluster: SimCluster): boolean {
  const { urls, updated, ready } = counts(fleet, cluster)
  const old = urls.filter((url) => !updated.includes(url))
  const broken = old.find((url) => !ready.includes(url))
  if (urls.length > cluster.replicas && broken !== undefined) return endPod(fleet, cluster, broken)
  const spare = ready.length > cluster.replicas ? old.at(0) : undefined
  if (spare !== undefined) return endPod(fleet, cluster, spare)
  const room = cluster.replicas + (old.length > 0 ? 1 : 0) - urls.length
  if (room <= 0 || updated.length >= cluster.replicas) return false
  return makePod(fleet, cluster)
}

/** A pod comes to where none was for the longest time. */
function makePod(fleet: Fleet, cluster: SimCluster): boolean {
  const free = fleet.urls.filter((url) => !cluster.pods.has(url))
  const [url] = free.toSorted(
    (a, b) => (cluster.leftAt.get(a) ?? -Infinity) - (cluster.leftAt.get(b) ?? -Infinity),
  )
  if (url === undefined) return false
  // Each is a pod of its own, whatever it was made from.
  cluster.pods.set(url, { ...cluster.template })
  cluster.progressAt = fleet.world.now
  return true
}

/** The pod goes with all that it had; letters on their way to it are lost. */
export function endPod({ known, world }: Fleet, cluster: SimCluster, url: string): boolean {
  const letters = [...(world.agents.get(url)?.pending ?? []), ...(world.inboxes.get(url) ?? [])]
  for (const { id, from } of letters) {
    world.mailboxes.get(from)?.push({ id, url, outcome: 'lost', failed: [] })
  }
  world.inboxes.set(url, [])
  world.agents.delete(url)
  world.disks.delete(url)
  world.troubles.stopped.delete(url)
  known.liveOn.delete(url)
  known.excuses += 1
  cluster.pods.delete(url)
  cluster.leftAt.set(url, world.now)
  cluster.progressAt = world.now
  return true
}

/** A place for pods: one life of a server for each pod that comes to it. */
export function* place(fleet: Fleet, url: string, start: () => Steps): Steps {
  for (;;) {
    const pod = fleet.cluster?.pods.get(url)
    if (pod === undefined || !canStart(pod)) {
      yield 'idle'
      continue
    }
    const life = start()
    while (fleet.cluster?.pods.get(url) === pod) {
      const { value, done } = life.next()
      if (done === true) return
      yield value
    }
  }
}
