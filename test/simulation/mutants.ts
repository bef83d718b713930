import type { Channel, VersionRecord } from '@drover/model-config'
import type { NamedModel, PublicationObserved } from '@drover/config-publisher'
import type { Action, Decision, Observed } from '@drover/restarter'
import { type Plans, REAL } from './plans.ts'

// Plans that break one rule each. The simulation is worth something if it finds every one of them.

export const publishing =
  (see: (observed: PublicationObserved) => PublicationObserved): Plans['publish'] =>
  (observed) =>
    REAL.publish(see(observed))

export const namedAs = (
  observed: PublicationObserved,
  see: (named: NamedModel, name: string) => NamedModel,
): PublicationObserved => ({
  ...observed,
  named: Object.fromEntries(
    Object.entries(observed.named).map(([name, each]) => [name, see(each, name)]),
  ),
})

/** Every version as if the present owner had made it. */
function adopted({ tenant, controls, versions }: NamedModel): NamedModel {
  const [state] = Object.values(tenant?.models ?? {})
  const adopt = (record: VersionRecord): VersionRecord =>
    record.manifest === undefined || state === undefined
      ? record
      : { ...record, manifest: { ...record.manifest, born: state.born } }
  return { tenant, controls, versions: versions.map(adopt) }
}

export const deciding =
  (
    see: (observed: Observed) => Observed,
    change: (decision: Decision, observed: Observed) => Decision = (decision) => decision,
  ): Plans['decide'] =>
  (observed) =>
    change(REAL.decide(see(observed)), observed)

export const writing =
  (change: (action: Extract<Action, { kind: 'write' }>, channel: Channel) => Action | undefined) =>
  (decision: Decision, { channel }: Observed): Decision =>
    decision.action?.kind === 'write' && channel !== undefined
      ? { ...decision, action: change(decision.action, channel) }
      : decision

export const asSeen = (observed: Observed): Observed => observed

/** Every server that is ready seems to serve what the first confirmed one serves. */
function firstForAll(observed: Observed): Observed {
  const { rollout } = observed.channel ?? {}
  const isConfirmed = observed.servers.some(
    ({ state }) => state?.ready && rollout !== undefined && state.config?.seq === rollout.seq,
  )
  if (!isConfirmed) return observed
  const last = observed.servers.findLast(({ state }) => state?.ready)
  return {
    ...observed,
    servers: observed.servers.filter((server) => server !== last || observed.servers.length === 1),
  }
}

/** By what is forgotten: the plans with that one rule left out. */
export const MUTANTS: Record<string, Plans> = {
  'the publisher does not look at pins': {
    ...REAL,
    publish: publishing((observed) =>
      namedAs(observed, (named) => ({ ...named, controls: undefined })),
    ),
  },
  'the publisher takes versions of an old owner': {
    ...REAL,
    publish: publishing((observed) => namedAs(observed, adopted)),
  },
  'the publisher does not look at failing verdicts': {
    ...REAL,
    publish: publishing((observed) =>
      namedAs(observed, (named) => ({
        ...named,
        versions: named.versions.map((record) => ({
          ...record,
          verdicts: record.verdicts.map((verdict) => ({ ...verdict, pass: true })),
        })),
      })),
    ),
  },
  'the publisher writes no verdict for a culprit': {
    ...REAL,
    publish: publishing((observed) => ({
      ...observed,
      channel: {
        ...observed.channel,
        rejected: observed.channel.rejected.map((each) => ({ ...each, culprits: [] })),
      },
    })),
  },
  'the publisher starts from live instead of the candidate': {
    ...REAL,
    publish: publishing((observed) => ({ ...observed, base: observed.live })),
  },
  'the publisher never offers a config again': {
    ...REAL,
    publish: (observed) => {
      const action = REAL.publish(observed)
      const isAgain = action?.kind === 'publish' && action.models === observed.base
      return isAgain || action?.kind === 'later' ? undefined : action
    },
  },
  'the publisher carries a candidate to another seq': {
    ...REAL,
    against: (fleet, read) => fleet.channel ?? read,
  },
  'the publisher publishes before it has pinned an undo': {
    ...REAL,
    publish: (observed) => {
      const action = REAL.publish(observed)
      return action?.kind === 'undo' ? REAL.publish({ ...observed, undo: undefined }) : action
    },
  },
  'the restarter drops an undo before a candidate holds it': {
    ...REAL,
    decide: (observed) => {
      const decision = REAL.decide(observed)
      if (observed.channel?.undo === undefined || observed.channel.rollout !== undefined) {
        return decision
      }
      const { why } = decision
      const change = { undo: undefined }
      return { ...decision, action: { kind: 'write', what: 'undone', change, why } }
    },
  },
  'the restarter recycles nobody': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action) =>
        action.what === 'take' && action.change.rollout?.step.kind === 'recycle'
          ? undefined
          : action,
      ),
    ),
  },
  'the gate passes what is bad': { ...REAL, passes: () => true },
  'a new number is taken before the last claim is given up': {
    ...REAL,
    train: (observed) => {
      const action = REAL.train(observed)
      if (action.kind !== 'wait' && action.kind !== 'giveUp') return action
      const versions = observed.versions.filter(({ manifest }) => manifest !== undefined)
      const next = REAL.train({ ...observed, versions })
      const version = Math.max(0, ...observed.versions.map((each) => each.version)) + 1
      return next.kind === 'train' ? { ...next, version } : action
    },
  },
  'a request that is done is trained again': {
    ...REAL,
    train: (observed) => {
      const action = REAL.train(observed)
      if (action.kind !== 'publish') return action
      const versions = observed.versions.filter(({ version }) => version !== action.version)
      const next = REAL.train({ ...observed, versions })
      const version = Math.max(0, ...observed.versions.map((each) => each.version)) + 1
      return next.kind === 'train' ? { ...next, version } : action
    },
  },
  'a claim whose process is gone is waited for': {
    ...REAL,
    train: (observed) => {
      const action = REAL.train(observed)
      return action.kind === 'giveUp'
        ? { kind: 'wait', until: Infinity, why: 'somebody may be at it' }
        : action
    },
  },
  'the restarter writes live without one ready server': { ...REAL, decide: deciding(firstForAll) },
  'the restarter has no canary': {
    ...REAL,
    decide: deciding(asSeen, (decision, { channel, servers }) => {
      const { action } = decision
      const { rollout } = channel ?? {}
      if (action?.kind !== 'apply' || rollout?.step.kind !== 'apply') return decision
      const [first] = action.tell
      if (first === undefined || first.seq !== rollout.seq) return decision
      const able = servers.filter(({ state }) => state !== undefined)
      return {
        ...decision,
        action: { ...action, tell: able.map(({ url }) => ({ ...first, url })) },
      }
    }),
  },
  'the restarter does not go back after a rejection': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action) =>
        action.what === 'reject'
          ? { ...action, change: { ...action.change, rollout: undefined } }
          : action,
      ),
    ),
  },
  'the restarter never rejects': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action) => (action.what === 'reject' ? undefined : action)),
    ),
  },
  'the restarter never takes over': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action) => (action.what === 'take over' ? undefined : action)),
    ),
  },
  'the agent obeys a lower fence': {
    ...REAL,
    agent: (observed) => REAL.agent({ ...observed, fence: 0 }),
    obeys: () => true,
  },
  'the agent obeys a command from before live moved': {
    ...REAL,
    agent: (observed) => {
      const action = REAL.agent(observed)
      if (action?.kind !== 'refuse') return action
      const command = observed.commands.find(({ id }) => id === action.command)
      if (command?.kind !== 'apply' || command.fence < observed.fence) return action
      return { kind: 'apply', ref: command.ref, fence: command.fence, command: command.id }
    },
  },
  'nobody brings a server to live that is behind': {
    ...REAL,
    decide: deciding(asSeen, (decision, { channel }) =>
      decision.action?.kind === 'apply' && channel?.rollout === undefined
        ? { ...decision, action: undefined }
        : decision,
    ),
    agent: (observed) => {
      const action = REAL.agent(observed)
      const isOwn = action?.kind === 'apply' && action.command === undefined
      return isOwn && observed.config !== undefined ? undefined : action
    },
  },
  'the agent opens before it has a config': {
    ...REAL,
    agent: (observed) =>
      !observed.isOpen && observed.startAt === undefined ? { kind: 'open' } : REAL.agent(observed),
  },
}
