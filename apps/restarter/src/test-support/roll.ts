// What the tables of rolls are made of.

import { annotationOf, type Channel, type Rollout } from '@drover/model-config'
import type { Observed, ObservedServer, SeenDeployment } from '../observed.ts'
import {
  AT,
  channel,
  config,
  deployment,
  observed,
  rollout,
  server,
  state,
  TEMPLATE_SHA,
} from './observed.ts'

/** The annotations for the config of a seq and a count of wishes. */
export const pair = (seq: number, restart = 0) => ({
  config: annotationOf(config(seq)),
  restart: `${restart}`,
})
/** The same as the channel keeps it. */
export const left = (seq: number, restart = 0) => ({ ...pair(seq, restart), sha: TEMPLATE_SHA })
/** Two servers that are ready on a config. */
export const fleet = (seq: number) => [server('a', state(seq)), server('b', state(seq))]
export const moving = { state: 'moving' as const, message: '1 of 2 pods are new' }
export const failed = { state: 'failed' as const, message: 'ProgressDeadlineExceeded: too long' }

/** A fleet to which every config comes by a roll, and whose Deployment is as it was left. */
export function byRoll(
  given: Partial<Channel>,
  servers: ObservedServer[],
  view: Partial<SeenDeployment> = {},
  more: Partial<Observed> = {},
): Observed {
  const seen = channel({ template: left(4), ...given })
  const { config: named, restart } = seen.template ?? {}
  const known = {
    ...(named !== undefined && { config: named }),
    ...(restart !== undefined && { restart }),
  }
  return observed(seen, servers, {
    delivery: 'restart',
    deployment: deployment(known, view),
    ...more,
  })
}

/** A roll from one config to another that this process holds; `seen`: the pods are being made. */
export const rolling = (from: number, to: number, seen = false): Rollout => ({
  ...rollout(to, 'roll', []),
  step: {
    kind: 'roll',
    servers: [],
    template: { from: pair(from), to: pair(to), sha: TEMPLATE_SHA, seen },
  },
})

export const previous = [
  { ...config(3), at: AT },
  { ...config(2), at: AT },
]
/** Nothing is to be delivered. */
export const settled = { candidate: config(4), previous }
/** A roll to config 5 before its patch, and after it. */
export const held = { rollout: rolling(4, 5) }
export const made = { rollout: rolling(4, 5, true) }

/** Somebody's second wish, and the roll that is made for it under what is live. */
export const wish = { count: 2, at: '2026-01-01T23:00:00.000Z', why: 'new node' }
export const wished: Rollout = {
  ...rollout(4, 'roll', []),
  step: {
    kind: 'roll',
    servers: [],
    template: { from: pair(4), to: pair(4, 2), sha: TEMPLATE_SHA, seen: true },
  },
}

/** Going back from a roll. */
export const returning = (to: number, from: number, seen = false): Rollout => ({
  ...rollout(from, 'back', []),
  step: {
    kind: 'back',
    servers: [],
    template: { from: pair(from), to: pair(to), sha: TEMPLATE_SHA, seen },
  },
})
