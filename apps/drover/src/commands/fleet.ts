import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { readFleet } from '../views.ts'
import type { Context } from './context.ts'

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
    `the fleet is back at config ${undo.seq}, as config ${live}; drover release ends a pin`,
  ])
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
