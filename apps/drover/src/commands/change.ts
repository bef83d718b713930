import { parseServedName, servedName } from '@drover/model-config'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { checkName, waitUntilServed } from './onboard.ts'
import type { Context } from './context.ts'
import { namesOf } from '../views.ts'

const Anything = z.looseObject({})

/** Takes `tenant` or `tenant.model`. */
function parseTarget(target: string): { tenant: string; model: string | undefined } {
  if (target.includes('.')) {
    const parsed = z.string().transform(parseServedName).safeParse(target)
    if (parsed.success) return parsed.data
  } else {
    checkName('tenant', target)
    return { tenant: target, model: undefined }
  }
  throw new CliError(
    Exit.USAGE,
    `${JSON.stringify(target)} is neither <tenant> nor <tenant>.<model>`,
  )
}

/** `drover train <tenant>[.<model>]`: asks for a training now, and waits until it is served. */
export async function trainCommand(
  context: Context,
  target: string,
  options: { wait: boolean; timeout: number },
): Promise<void> {
  const { tenant, model } = parseTarget(target)
  const startedAt = performance.now()
  const names = model === undefined ? await namesOf(context, tenant) : [target]
  for (const name of names) {
    const id = parseServedName(name)
    await context.scheduler.send(
      'POST',
      `/v1/tenants/${tenant}/models/${id.model}/train`,
      {},
      Anything,
    )
  }
  if (options.wait) return await waitUntilServed(context, names, options.timeout, startedAt)
  context.output.result({ tenant, names }, [`asked for a training of ${names.join(', ')}`])
}

const Pin = z.looseObject({ version: z.union([z.int(), z.literal('none')]) })
const RolledBack = z.looseObject({ pins: z.record(z.string(), Pin) })

/**
 * `drover rollback <tenant>[.<model>]`: back to the version before, or to `--to`; pinned until it is
 * released. Waits until that version is served.
 */
export async function rollbackCommand(
  context: Context,
  target: string,
  options: { to?: number; why?: string; wait: boolean; timeout: number },
): Promise<void> {
  const { tenant, model } = parseTarget(target)
  const startedAt = performance.now()
  const body = { tenant, model, version: options.to, why: options.why }
  const answer = await context.publisher.send('POST', '/v1/rollback', body, RolledBack)
  const pins = Object.entries(answer.pins)
  const names = pins.map(([each]) => servedName({ tenant, model: each }))
  if (options.wait) return await waitUntilServed(context, names, options.timeout, startedAt)
  context.output.result(
    answer,
    pins.map(([each, { version }]) => `${tenant}.${each} is pinned to version ${version}`),
  )
}

/** `drover release <tenant>.<model>`: ends a pin, so that the newest passing version is served again. */
export async function releaseCommand(
  context: Context,
  target: string,
  options: { wait: boolean; timeout: number },
): Promise<void> {
  const { tenant, model } = parseTarget(target)
  if (model === undefined) {
    throw new CliError(Exit.USAGE, `name the model too: drover release ${tenant}.<model>`)
  }
  const startedAt = performance.now()
  const answer = await context.publisher.send('POST', '/v1/release', { tenant, model }, Anything)
  if (options.wait) return await waitUntilServed(context, [target], options.timeout, startedAt)
  context.output.result(answer, [`${target} is released`])
}

/** `drover offboard <tenant>`: its models leave every server. */
export async function offboardCommand(
  { scheduler, output }: Context,
  tenant: string,
): Promise<void> {
  checkName('tenant', tenant)
  const answer = await scheduler.send('DELETE', `/v1/tenants/${tenant}`, {}, Anything)
  output.result(answer, [`${tenant} is offboarded: its models leave the servers now`])
}

/** `drover restart`: replaces the model server of every server, one at a time. */
export async function restartCommand(
  { restarter, output }: Context,
  options: { why?: string },
): Promise<void> {
  const why = options.why ?? 'drover restart'
  const answer = await restarter.send('POST', '/v1/restart', { why }, Anything)
  output.result(answer, [
    'every model server, or its pod, will be replaced, one at a time; the audit says when',
  ])
}
