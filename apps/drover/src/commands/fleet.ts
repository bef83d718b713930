import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { readFleet } from '../views.ts'
import type { Context } from './context.ts'
import { waitUntilServed } from './onboard.ts'

const POLL_MS = 100

const Undo = z.looseObject({ seq: z.int(), asked: z.int() })

/**
 * `drover rollback --fleet [seq]`: every client is served as it was under a config that was live
 * before, the last one unless told; what differs is pinned. Waits until that is live.
 */
export async function rollbackFleetCommand(
  context: Context,
  options: { fleet: number | true; why?: string; wait: boolean; timeout: number },
): Promise<void> {
  const { restarter, output } = context
  const why = options.why ?? 'drover rollback --fleet'
  const body = { ...(options.fleet !== true && { seq: options.fleet }), why }
  const undo = await restarter.send('POST', '/v1/undo', body, Undo)
  if (!options.wait) {
    return output.result(undo, [`the fleet goes back to config ${undo.seq}`])
  }
  const live = await waitUntilUndone(context, undo, options.timeout)
  output.result({ undo, live }, [
    `the fleet is back at config ${undo.seq}, as config ${live}, and pinned to it`,
    'clients that came since are not served until: drover release --newcomers',
    'everybody is served the newest again by: drover release --fleet',
  ])
}

const Released = z.looseObject({ released: z.array(z.string()) })

/**
 * `drover release --fleet`: ends all pins that rollbacks of the fleet wrote; with `--newcomers` those
 * of models that they took down, since no config listed them then. Waits until they are served.
 */
export async function releaseFleetCommand(
  context: Context,
  which: 'all' | 'newcomers',
  options: { wait: boolean; timeout: number },
): Promise<void> {
  const startedAt = performance.now()
  const { fleet } = await readFleet(context)
  const body = { which, why: `drover release --${which === 'all' ? 'fleet' : which}` }
  const path = `/v1/fleets/${fleet}/release`
  const answer = await context.publisher.send('POST', path, body, Released)
  const { released } = answer
  if (options.wait) return await waitUntilServed(context, released, options.timeout, startedAt)
  context.output.result(answer, [`${released.length} models are released: ${released.join(', ')}`])
}

/** Any config above the seq at which it was asked for holds the undo. */
async function waitUntilUndone(
  context: Context,
  { seq, asked }: { seq: number; asked: number },
  timeoutSeconds: number,
): Promise<number> {
  const signal = AbortSignal.timeout(timeoutSeconds * 1_000)
  let said = ''
  while (!signal.aborted) {
    const { channel, why } = await readFleet(context)
    const live = channel?.live?.seq ?? 0
    if (live > asked) return live
    if (said !== why) context.output.progress(why)
    said = why
    // The next round ends it when the time is over.
    await wait(POLL_MS, undefined, { signal }).catch(() => {})
  }
  const message = `config ${seq} is not live again after ${timeoutSeconds} s: ${said}`
  throw new CliError(Exit.TIMEOUT, message)
}
