import {
  type Channel,
  type Controls,
  type Models,
  parseServedName,
  type Tenant,
  type VersionRecord,
} from '@drover/model-config'

/** Everything that decides about one model, read after the channel. */
export interface NamedModel {
  tenant: Tenant | undefined
  controls: Controls | undefined
  versions: readonly VersionRecord[]
}

/** A fleet as the publisher sees it, for the models that were named. */
export interface PublicationObserved {
  now: number
  fleet: string
  channel: Channel
  /** What the candidate lists; what is published starts from it. */
  base: Models
  /** What `live` lists. */
  live: Models
  /**
   * By served name: every model that was named, every culprit of a rejected config, and every model
   * that is live and no longer in the base, and every one that an undo changes.
   */
  named: Readonly<Record<string, NamedModel>>
  /** What the config of an undo lists that no candidate holds yet; undefined: there is none. */
  undo: Models | undefined
  /** Removals that somebody allowed although nothing explains them. */
  allowedRemovals: readonly string[]
  /** When the first of the changes was heard of; undefined for one that does not wait. */
  since: number | undefined
  /** When the candidate was first seen to be rejected. */
  rejectedSince: number | undefined
}

/** Whether the tenant wants the model in this fleet. */
export function isDeclared(name: string, { tenant }: NamedModel, fleet: string): boolean {
  if (tenant === undefined || tenant.tombstone || tenant.spec.fleet !== fleet) return false
  return tenant.spec.models[parseServedName(name).model] !== undefined
}

/** The pin that binds the model's present owner. */
export function pinOf(name: string, { tenant, controls }: NamedModel) {
  const { model } = parseServedName(name)
  const pin = controls?.pins[model]
  return pin !== undefined && pin.born === tenant?.models[model]?.born ? pin : undefined
}
