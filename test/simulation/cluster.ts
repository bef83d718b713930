import {
  type Channel,
  type ConfigRef,
  parseAnnotation,
  sha256,
  type TemplatePair,
} from '@drover/model-config'
import { type DeploymentView, FIELD_MANAGER, isSamePair, progressOf } from '@drover/restarter'
import type { Fleet } from './fleet.ts'
import { hasTrouble, type World } from './world.ts'

// A Deployment, its controller and its pods, as far as a rollout is decided by them. Every server's
// address is a place that may hold a pod; there are a few more places than pods.

/** What a pod was made from. */
export interface Template {
  pair: TemplatePair
  /** Stands for image, flags and all else. */
  sha: string
}

/** A patch on its way to the API server. */
export interface Patch {
  from: string
  pair: TemplatePair
  resourceVersion: number
  at: number
}

/** What the API server holds. Replaced as a whole in each change. */
export interface SimCluster {
  delivery: 'reload' | 'restart'
  replicas: number
  resourceVersion: number
  template: Template
  manager: string | undefined
  touch: { fence: number; by: string } | undefined
  /** Templates that pods were made from before, the newest last. */
  revisions: readonly Template[]
  /** By the address of a server: the pod there. */
  pods: Map<string, Template>
  /** When a pod last left an address. */
  leftAt: Map<string, number>
  progressAt: number
  late: Patch[]
  /** How long the next patch is on its way. */
  delayMs: number
}

/** An address stays a server for so long after its pod has gone, as the restarter keeps it. */
const KEPT_MS = 30_000
const PROGRESS_MS_MAX = 120_000
const REVISIONS_MAX = 5
const IMAGE = sha256('the first image')
export const API = 'the API server'

export function makeCluster(
  urls: readonly string[],
  { delivery, replicas }: Pick<SimCluster, 'delivery' | 'replicas'>,
): SimCluster {
  const template: Template = { pair: {}, sha: IMAGE }
  return {
    delivery,
    replicas,
    resourceVersion: 1,
    template,
    manager: undefined,
    touch: undefined,
    revisions: [template],
    pods: new Map(urls.slice(0, replicas).map((url) => [url, { ...template }])),
    leftAt: new Map(),
    progressAt: 0,
    late: [],
    delayMs: 0,
  }
}

/** Where servers are, or were a moment ago. */
export function addressesIn({ cluster, urls, world: { now } }: Fleet): readonly string[] {
  if (cluster === undefined) return urls
  const isKept = (url: string) => now - (cluster.leftAt.get(url) ?? -Infinity) < KEPT_MS
  return urls.filter((url) => cluster.pods.has(url) || isKept(url))
}

/** Where a pod is. */
export const podsIn = ({ cluster, urls }: Fleet): readonly string[] =>
  cluster === undefined ? urls : urls.filter((url) => cluster.pods.has(url))

/** An agent that is told what is no config ends at once, again and again. */
export const canStart = ({ pair }: Template): boolean =>
  pair.config === undefined || parseAnnotation(pair.config) !== undefined

/** The config that the annotation of a pod names. */
export const namedAt = ({ cluster }: Fleet, url: string): ConfigRef | undefined =>
  parseAnnotation(cluster?.pods.get(url)?.pair.config ?? '')

export const isSame = (a: Template | undefined, b: Template): boolean =>
  a !== undefined && a.sha === b.sha && isSamePair(a.pair, b.pair)

const isReady = ({ agents }: World, url: string): boolean => {
  const agent = agents.get(url)
  return agent !== undefined && agent.isOpen && agent.serverUp
}

export function counts(fleet: Fleet, { template, pods }: SimCluster) {
  const urls = podsIn(fleet)
  const updated = urls.filter((url) => isSame(pods.get(url), template))
  const ready = urls.filter((url) => isReady(fleet.world, url))
  return { urls, updated, ready }
}

/** The Deployment as the restarter reads it. */
export function viewOf(fleet: Fleet): DeploymentView {
  const { cluster, world } = fleet
  if (cluster === undefined) return { kind: 'none' }
  if (hasTrouble(world, 'away', API)) return { kind: 'away', why: 'the API server does not answer' }
  const { resourceVersion, template, manager, replicas } = cluster
  const { urls, updated, ready } = counts(fleet, cluster)
  const isDone =
    updated.length === replicas && urls.length === replicas && ready.length === replicas
  const isStuck = !isDone && world.now - cluster.progressAt > PROGRESS_MS_MAX
  const state = isDone ? 'done' : isStuck ? 'failed' : 'moving'
  return {
    kind: 'seen',
    resourceVersion: `${resourceVersion}`,
    pair: template.pair,
    templateSha: template.sha,
    manager,
    touch: cluster.touch?.fence,
    status: { state, message: state },
    replicas,
    updated: updated.length,
    progress: progressOf({
      updated: updated.length,
      available: ready.length,
      existing: urls.length,
      replicas,
    }),
    trouble: undefined,
  }
}

/** Somebody sets the template. */
export function setTemplate({ cluster, world }: Fleet, template: Template, manager: string): void {
  if (cluster === undefined || isSame(template, cluster.template)) return
  const others = cluster.revisions.filter((each) => !isSame(each, template))
  Object.assign(cluster, {
    resourceVersion: cluster.resourceVersion + 1,
    revisions: [...others, template].slice(-REVISIONS_MAX),
    // Only a change of the annotations tells of who changed those.
    manager: isSamePair(template.pair, cluster.template.pair) ? cluster.manager : manager,
    template,
    progressAt: world.now,
  })
}

/** A patch of the pair is sent; it may be on its way for a while, and its sender then knows nothing. */
export function sendPatch(fleet: Fleet, patch: Omit<Patch, 'at'>): void {
  const { cluster, world } = fleet
  if (cluster === undefined) return
  const { delayMs } = cluster
  cluster.delayMs = 0
  const isLate = delayMs > 0 || hasTrouble(world, 'away', API)
  if (isLate) cluster.late.push({ ...patch, at: world.now + delayMs })
  else arrive(fleet, patch)
}

export function arrive(fleet: Fleet, { from, pair, resourceVersion }: Omit<Patch, 'at'>): void {
  const { cluster, world } = fleet
  if (cluster === undefined) return
  // No number: it was sent without what it was decided on.
  if (resourceVersion > 0 && cluster.resourceVersion !== resourceVersion) return
  world.check.patched(fleet, from)
  setTemplate(fleet, { pair, sha: cluster.template.sha }, FIELD_MANAGER)
}

export function touch({ cluster, world }: Fleet, from: string, fence: number): void {
  if (cluster === undefined || hasTrouble(world, 'away', API)) return
  cluster.resourceVersion += 1
  cluster.touch = { fence, by: from }
}

/** What is still to be done to the Deployment. */
export function whatIsOpenInCluster(fleet: Fleet): string | undefined {
  const { cluster, channel } = fleet
  if (cluster === undefined || channel === undefined) return undefined
  if (cluster.late.length > 0) return 'a patch is on its way'
  const view = viewOf(fleet)
  if (view.kind === 'seen' && view.status.state !== 'done') return 'the Deployment is not done'
  const { template } = cluster
  return (
    whatIsWrongIn(channel, template) ??
    (cluster.delivery === 'restart' ? whatIsUnrolled(channel, template) : undefined)
  )
}

function whatIsWrongIn({ live, template: known }: Channel, { pair, sha }: Template) {
  const named = parseAnnotation(pair.config ?? '')
  if (named === undefined && pair.config !== undefined) return 'no pod can start with what is named'
  if (named !== undefined && named.seq > (live?.seq ?? 0)) {
    return `pods start with config ${named.seq}, which is not live`
  }
  const isKnown = known?.sha === sha && isSamePair(known, pair)
  return isKnown ? undefined : 'nobody looked after the pod template'
}

/** Where every config comes by a roll, the pods were made for the last wish. */
function whatIsUnrolled({ restart }: Channel, { pair }: Template): string | undefined {
  if (restart.at === undefined || restart.failed === restart.count) return undefined
  return pair.restart === `${restart.count}` ? undefined : `the wish ${restart.count} is open`
}
