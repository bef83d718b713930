import { z } from 'zod'

/** The name of a tenant, a model, a fleet, a server or a command. */
export const Name = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a name is 1 to 63 of a-z, 0-9 and inner hyphens')
  // The one name by these rules that every object of the language answers to.
  .refine((name) => name !== 'constructor', 'a name is anything but constructor')

/** A sha256 in hexadecimal. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'a digest is 64 hexadecimal digits')

/** A version's number: a positive integer that only grows, for each model for ever. */
export const Version = z.int().positive()

/** The W3C trace context that runs through the whole loop. */
export const Traceparent = z
  .string()
  .regex(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/, 'not a W3C traceparent')

/** A moment, in ISO 8601 and UTC. */
export const Instant = z.iso.datetime()

/** Which model is meant. */
export interface ModelId {
  tenant: string
  model: string
}

/** The name under which a model is served: `<tenant>.<model>`. Neither part can hold a dot. */
export const ServedName = z.string().refine(isServedName, 'a served name is <tenant>.<model>')

function isServedName(name: string): boolean {
  const parts = name.split('.')
  return parts.length === 2 && parts.every((part) => Name.safeParse(part).success)
}

/** Makes a served name; throws a ZodError when a part breaks the rules for names. */
export function servedName({ tenant, model }: ModelId): string {
  return `${Name.parse(tenant)}.${Name.parse(model)}`
}

/** Takes a served name apart; throws a ZodError when it is none. */
export function parseServedName(name: string): ModelId {
  const [tenant = '', model = ''] = ServedName.parse(name).split('.')
  return { tenant, model }
}
