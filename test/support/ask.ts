import { z } from 'zod'
import type { LocalDrover } from './local.ts'

/** Against what hangs; how fast an answer comes is not judged here. */
const ANSWER_MS_MAX = 30_000

const Predictions = z.object({ predictions: z.array(z.json()).length(1) })

async function post(rest: string, name: string, instance: unknown): Promise<Response> {
  return await fetch(`${rest}/v1/models/${name}:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances: [instance] }),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
}

/** Asks a server about one row; its status, or the name of the error when it did not answer. */
export async function ask(rest: string, name: string, instance: unknown): Promise<number | string> {
  try {
    const response = await post(rest, name, instance)
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    return error instanceof Error ? error.name : 'unknown'
  }
}

/** The prediction of every server for one row, in the order of the servers. Throws if one has none. */
export async function askAll({ up }: LocalDrover, name: string, instance: unknown) {
  return await Promise.all(
    up.servers.map(async ({ name: server, rest }) => {
      const response = await post(rest, name, instance)
      const body: unknown = await response.json()
      if (!response.ok) throw new Error(`${server} answered ${JSON.stringify(body)}`)
      return Predictions.parse(body).predictions[0]
    }),
  )
}

/**
 * Asks one server, one request after the other, until the returned function is called; that one
 * gives how often each answer came.
 */
export function askAllTheTime(rest: string, name: string, instance: unknown) {
  const counts = new Map<number | string, number>()
  const state = { going: true }
  const done = (async () => {
    while (state.going) {
      const answer = await ask(rest, name, instance)
      counts.set(answer, (counts.get(answer) ?? 0) + 1)
    }
  })()
  return async (): Promise<Record<string, number>> => {
    state.going = false
    await done
    return Object.fromEntries(counts)
  }
}
