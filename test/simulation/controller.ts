import { annotationOf, sha256 } from '@drover/model-config'
import { API, arrive, canStart, counts, isSame, setTemplate, type SimCluster } from './cluster.ts'
import { hasTrouble, type Steps, type World } from './world.ts'

const LATE_MS = [500, 3_000, 25_000, 70_000, 200_000] as const

/** What people and machines do to a cluster, by chance: each in the middle of whatever goes on. */
export const CLUSTER_EVENTS: readonly ((
  world: World,
  cluster: SimCluster,
  rest: number,
) => void)[] = [
  // kubectl rollout undo
  (world, { revisions, template }, rest) => {
    const before = revisions.filter((each) => !isSame(each, template))
    const chosen = before[before.length - 1 - (rest % Math.max(1, before.length))]
    if (chosen !== undefined) setTemplate(world, chosen, 'kubectl-rollout')
  },
  // An image is set, and takes what the annotations say with it or not.
  (world, { template, revisions }, rest) => {
    const sha = sha256(`image ${world.now} ${rest}`)
    const pair = rest % 2 === 0 ? template.pair : (revisions[0]?.pair ?? template.pair)
    setTemplate(world, { pair, sha }, 'kubectl-set')
  },
  // An annotation is written by hand.
  (world, { template: { sha, pair } }, rest) => {
    const { candidate } = world.channel ?? {}
    const config = rest % 2 === 0 || candidate === undefined ? 'latest' : annotationOf(candidate)
    setTemplate(world, { sha, pair: { ...pair, config } }, 'kubectl-annotate')
  },
  (_world, cluster, rest) => void (cluster.delayMs = LATE_MS[rest % LATE_MS.length] ?? 0),
  (world, _cluster, rest) =>
    void world.troubles.away.set(API, world.now + (LATE_MS[rest % LATE_MS.length] ?? 0)),
  // A node is drained.
  (world, cluster, rest) => {
    const urls = [...cluster.pods.keys()]
    const url = urls[rest % Math.max(1, urls.length)]
    if (url !== undefined) endPod(world, cluster, url)
  },
]

/** Deployment controller and kubelets: one pod more than wished for, none less that is ready. */
export function* controller(world: World): Steps {
  for (;;) {
    const { cluster } = world
    if (cluster === undefined || hasTrouble(world, 'away', API)) {
      yield 'idle'
      continue
    }
    const late = cluster.late.filter(({ at }) => at <= world.now)
    cluster.late = cluster.late.filter((each) => !late.includes(each))
    for (const patch of late) arrive(world, patch)
    const hasMoved = late.length > 0 || moveOn(world, cluster)
    yield hasMoved ? 'step' : 'idle'
  }
}

function moveOn(world: World, cluster: SimCluster): boolean {
  const { urls, updated, ready } = counts(world, cluster)
  const old = urls.filter((url) => !updated.includes(url))
  const broken = old.find((url) => !ready.includes(url))
  if (urls.length > cluster.replicas && broken !== undefined) return endPod(world, cluster, broken)
  const spare = ready.length > cluster.replicas ? old.at(0) : undefined
  if (spare !== undefined) return endPod(world, cluster, spare)
  const room = cluster.replicas + (old.length > 0 ? 1 : 0) - urls.length
  if (room <= 0 || updated.length >= cluster.replicas) return false
  return makePod(world, cluster)
}

/** A pod comes to where none was for the longest time. */
function makePod(world: World, cluster: SimCluster): boolean {
  const free = world.urls.filter((url) => !cluster.pods.has(url))
  const [url] = free.toSorted(
    (a, b) => (cluster.leftAt.get(a) ?? -Infinity) - (cluster.leftAt.get(b) ?? -Infinity),
  )
  if (url === undefined) return false
  // Each is a pod of its own, whatever it was made from.
  cluster.pods.set(url, { ...cluster.template })
  cluster.progressAt = world.now
  return true
}

/** The pod goes with all that it had; letters on their way to it are lost. */
export function endPod(world: World, cluster: SimCluster, url: string): boolean {
  const letters = [...(world.agents.get(url)?.pending ?? []), ...(world.inboxes.get(url) ?? [])]
  for (const { id, from } of letters) {
    world.mailboxes.get(from)?.push({ id, url, outcome: 'lost', failed: [] })
  }
  world.inboxes.set(url, [])
  world.agents.delete(url)
  world.disks.delete(url)
  world.troubles.stopped.delete(url)
  world.known.liveOn.delete(url)
  world.known.excuses += 1
  cluster.pods.delete(url)
  cluster.leftAt.set(url, world.now)
  cluster.progressAt = world.now
  return true
}

/** A place for pods: one life of a server for each pod that comes to it. */
export function* place(world: World, url: string, start: () => Steps): Steps {
  for (;;) {
    const pod = world.cluster?.pods.get(url)
    if (pod === undefined || !canStart(pod)) {
      yield 'idle'
      continue
    }
    const life = start()
    while (world.cluster?.pods.get(url) === pod) {
      const { value, done } = life.next()
      if (done === true) return
      yield value
    }
  }
}
