import { type Channel, type Models, renderConfig } from '@drover/model-config'
import { channelOf, entryOf, tenantOf, versionOf } from '../facts.fixture.ts'
import type { NamedModel, PublicationObserved } from './plan.ts'

// A fleet as the publisher sees it, for tests of its plan.

export const NOW = Date.parse('2026-06-01T00:00:00.000Z')
export const refOf = (models: Models, seq: number) => ({ sha: renderConfig(models).root.sha, seq })
export const liveOf = (models: Models, seq: number) => ({
  ...refOf(models, seq),
  at: '2026-05-01T00:00:00.000Z',
})
export const settled = (models: Models, more: Partial<Channel> = {}) =>
  channelOf({ seq: 9, candidate: refOf(models, 5), live: liveOf(models, 5), ...more })

export const named = (more: Partial<NamedModel> = {}): NamedModel => ({
  tenant: tenantOf('acme'),
  controls: undefined,
  versions: [versionOf(1)],
  ...more,
})

/** A fleet at rest that runs `base`, unless a test says else. */
export function observed(more: Partial<PublicationObserved>): PublicationObserved {
  const base = more.base ?? {}
  return {
    now: NOW,
    fleet: 'main',
    channel: settled(base),
    live: base,
    named: {},
    undo: undefined,
    allowedRemovals: [],
    since: NOW,
    rejectedSince: undefined,
    ...more,
    base,
  }
}

export const others: Models = { 'bosch.late': entryOf(7), 'cern.late': entryOf(8) }
export const publish = (models: Models, refused: readonly string[] = []) => ({
  kind: 'publish',
  models,
  refused,
})
