import type { ConfigRef, ServerState } from '@drover/model-config'
import { type Command, isSameRef } from './observed.ts'

/** A command to one server as the plan asks for it. */
export interface Order extends ConfigRef {
  url: string
  fence: number
  offered: boolean
  recycles: number
}

/** A command that is being sent; `before` is the last one to the same server. Pure. */
export function newCommand(
  { sha, seq, fence, offered, recycles }: Order,
  kind: Command['kind'],
  sent: { at: number; state: ServerState | undefined; before: Command | undefined },
): Command {
  const { at, state, before } = sent
  // One that answers with no state is taken for what it was.
  const startedAt = state === undefined ? before?.startedAt : state.startedAt
  const isNewLife = before?.outcome === 'answered' && before.startedAt !== startedAt
  const isSame = before?.kind === kind && isSameRef(before, { sha, seq }) && !isNewLife
  return {
    kind,
    sha,
    seq,
    fence,
    at,
    offered,
    since: isSame ? before.since : at,
    startedAt,
    recycles,
    outcome: 'pending',
    endedAt: undefined,
    failed: [],
    message: undefined,
  }
}
