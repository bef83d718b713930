import {
  type Channel,
  type ConfigRef,
  type Culprit,
  emptyChannel,
  type Rollout,
  type ServerState,
  sha256,
  type TemplatePair,
} from '@drover/model-config'
import {
  type Action,
  type Command,
  FIELD_MANAGER,
  LIMITS,
  type Observed,
  type ObservedServer,
  type SeenDeployment,
} from '../observed.ts'

export const NOW = 1_000_000
export const TEMPLATE_SHA = sha256('the rest of the pod template')
export const AT = '2026-01-02T00:00:00.000Z'

/** The config of a seq. */
export const config = (seq: number): ConfigRef => ({ sha: sha256(`${seq}`), seq })

export const culprit: Culprit = {
  name: 'acme.intent',
  version: 3,
  digest: sha256('version 3'),
  reason: 'golden answer rejected',
}

/** A server's state: ready, on the config of a seq. */
export function state(seq: number | undefined, more: Partial<ServerState> = {}): ServerState {
  return {
    format: 1,
    server: 'server',
    ready: true,
    fence: 0,
    models: 0,
    failed: [],
    drifting: [],
    startedAt: '2026-01-01T00:00:00.000Z',
    servingSince: '2026-01-01T20:00:00.000Z',
    recycles: 1,
    canRecycle: true,
    stopping: false,
    residentBytes: 1,
    restUrl: 'http://rest',
    ...(seq === undefined ? {} : { config: config(seq) }),
    ...more,
  }
}

/** A server that answers with a state, or one that has been silent for so long. */
export function server(
  url: string,
  seen: ServerState | { silentMs: number },
  more: Partial<ObservedServer> = {},
): ObservedServer {
  const isSeen = 'format' in seen
  return {
    url,
    state: isSeen ? seen : undefined,
    isUnclear: false,
    silentSince: isSeen ? undefined : NOW - seen.silentMs,
    wasReady: isSeen && seen.ready,
    wasApplying: false,
    hasEnded: false,
    command: undefined,
    ...more,
  }
}

/** A command that was sent so long ago. */
export function command(seq: number, agoMs: number, more: Partial<Command> = {}): Command {
  return {
    kind: 'apply',
    ...config(seq),
    fence: 0,
    at: NOW - agoMs,
    since: NOW - agoMs,
    offered: false,
    startedAt: '2026-01-01T00:00:00.000Z',
    recycles: 1,
    outcome: 'pending',
    endedAt: undefined,
    failed: [],
    message: undefined,
    ...more,
  }
}

/** A rollout of a seq that this process holds. */
export function rollout(
  seq: number,
  kind: Rollout['step']['kind'],
  servers: string[],
  more: Partial<Rollout> = {},
): Rollout {
  return {
    ...config(seq),
    holder: 'me',
    fence: 20,
    step: { kind, servers },
    beat: 1,
    startedAt: AT,
    ...more,
  }
}

/** A channel at seq 20, with `live` at 4 and a candidate at 5 unless told. */
export function channel(more: Partial<Channel> = {}): Channel {
  return {
    ...emptyChannel('test'),
    seq: 20,
    candidate: config(5),
    live: { ...config(4), at: AT },
    ...more,
  }
}

export function observed(
  given: Channel | undefined,
  servers: ObservedServer[],
  more: Partial<Observed> = {},
): Observed {
  return {
    now: NOW,
    at: AT,
    holder: 'me',
    instance: undefined,
    away: undefined,
    channel: given,
    held: [],
    fault: undefined,
    servers,
    beatSince: NOW - 100,
    rolloutSince: NOW - 1_000,
    stepSince: NOW - 1_000,
    tookOver: undefined,
    losses: [],
    noneReadySince: undefined,
    returnedAt: undefined,
    delivery: 'reload',
    deployment: { kind: 'none' },
    isCurrent: true,
    progressSince: NOW - 1_000,
    unmetSince: undefined,
    closedUntil: undefined,
    limits: LIMITS,
    ...more,
  }
}

/** A Deployment that is done, with these annotations on its pod template. */
export function deployment(pair: TemplatePair, more: Partial<SeenDeployment> = {}): SeenDeployment {
  return {
    kind: 'seen',
    resourceVersion: '7',
    pair,
    templateSha: TEMPLATE_SHA,
    manager: FIELD_MANAGER,
    touch: undefined,
    status: { state: 'done', message: 'all pods are new' },
    replicas: 2,
    updated: 2,
    progress: 4,
    trouble: undefined,
    ...more,
  }
}

/** An action in one line. */
export function lineOf(action: Action | undefined): string {
  switch (action?.kind) {
    case undefined:
      return 'nothing'
    case 'recycle':
      return `recycle ${action.url} at fence ${action.fence}`
    case 'patch':
      return `patch ${textOf(action.pair)} at version ${action.resourceVersion}`
    case 'touch':
      return `touch ${action.fence}`
    case 'apply': {
      const whom = action.tell.map(({ url, seq }) => `${url}:${seq}`).join(' ')
      return `apply ${whom} at fence ${action.fence}`
    }
    case 'write':
      return lineOfWrite(action)
  }
}

/** A pair of annotations in short: `5/1`; a dash stands for what is absent. */
const textOf = ({ config: named, restart }: TemplatePair): string =>
  `${named?.split('-')[0] ?? '-'}/${restart ?? '-'}`

function lineOfWrite({ what, change }: Extract<Action, { kind: 'write' }>): string {
  const { rollout: next } = change
  const rejection = change.rejected?.at(-1)
  const rejected = rejection === undefined ? '' : ` ${rejection.kind} ${rejection.seq}`
  const live = change.live === undefined ? '' : ` ${change.live.seq}`
  const step =
    next === undefined ? '' : ` ${next.step.kind} ${next.seq} [${next.step.servers.join(' ')}]`
  const { template } = next?.step ?? {}
  const pair = template === undefined ? '' : ` ${textOf(template.from)} to ${textOf(template.to)}`
  const left = change.template === undefined ? '' : ` left ${textOf(change.template)}`
  const undo = change.undo === undefined ? '' : ` undo ${change.undo.seq} by ${change.undo.by}`
  return `${what}${live}${rejected}${step}${pair}${left}${undo}`
}
