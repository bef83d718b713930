import { Audit } from '@drover/model-config'
import { z } from 'zod'
import { alignRows } from '../output.ts'
import type { Context } from './context.ts'
import { checkName } from './onboard.ts'

const AuditAnswer = z.object({
  records: z.array(Audit),
  isMore: z.boolean(),
  unreadable: z.array(z.string()),
})
export type AuditAnswer = z.output<typeof AuditAnswer>

/** Which records, and how many of the newest. */
export interface AuditOptions {
  fleet?: string
  limit?: number
}

/** The newest audit records of a tenant, of a fleet, or of all; the newest last. */
export async function readAudit(
  { publisher }: Pick<Context, 'publisher'>,
  { tenant, fleet, limit }: AuditOptions & { tenant?: string | undefined },
): Promise<AuditAnswer> {
  const query = new URLSearchParams({
    ...(tenant !== undefined && { tenant }),
    ...(fleet !== undefined && { fleet }),
    ...(limit !== undefined && { limit: `${limit}` }),
  })
  return await publisher.get(`/v1/audit?${query.toString()}`, AuditAnswer)
}

/** `drover audit [tenant]`: who changed what, when and why. */
export async function auditCommand(
  context: Context,
  tenant: string | undefined,
  options: AuditOptions,
): Promise<void> {
  if (tenant !== undefined) checkName('tenant', tenant)
  const answer = await readAudit(context, { ...options, tenant })
  const { records, isMore, unreadable } = answer
  const rows = records.map(({ at, by, object, what, why = '' }) => [
    at,
    by,
    subjectOf(object),
    why === '' ? what : `${what}: ${why}`,
  ])
  context.output.result(answer, [
    ...(isMore ? ['(there may be older records: --limit <count>)'] : []),
    ...alignRows(rows),
    ...(records.length === 0 ? ['nothing is on record'] : []),
    ...unreadable.map((key) => `${key} cannot be read`),
  ])
}

/** The key of an object in the words of the other commands. */
function subjectOf(object: string): string {
  const [kind, name = ''] = object.split('/')
  const plain = name.replace(/\.json$/, '')
  if (kind === 'tenants') return `tenant ${plain}`
  if (kind === 'controls') return `pins of ${plain}`
  return kind === 'fleets' ? `fleet ${plain}` : object
}
