import type { Action, Decision, Observed } from './observed.ts'

const NOTES_MAX = 200

/** One decision, with its reason: an action, or a wait that is another than before. */
export interface Note {
  at: string
  what: string
  why: string
  servers: readonly string[]
  /** The channel's seq by which it was decided. */
  seq: number | undefined
  /** The trace of the nudge that led to it. */
  traceparent: string | undefined
}

/**
 * The last decisions of this process. What is decided in a dry run is decided again at each look
 * and noted once.
 */
export function makeNotes(onNote: (note: Note) => void = () => {}, dryRun = false) {
  const notes: Note[] = []
  let before: string | undefined

  return {
    add(
      { at, channel }: Observed,
      { action, why }: Decision,
      traceparent: string | undefined,
    ): void {
      const isBeat = action?.kind === 'write' && action.what === 'beat'
      const what = action === undefined ? 'wait' : nameOf(action)
      const servers = serversOf(action)
      const said = `${what} ${why} ${servers.join(' ')}`
      if (isBeat || (said === before && (dryRun || action === undefined))) return
      before = said
      const note = { at, what, why, servers, seq: channel?.seq, traceparent }
      notes.unshift(note)
      notes.length = Math.min(notes.length, NOTES_MAX)
      onNote(note)
    },

    newest: (): readonly Note[] => notes.slice(),
  }
}

const nameOf = (action: Action): string => (action.kind === 'write' ? action.what : action.kind)

function serversOf(action: Action | undefined): readonly string[] {
  switch (action?.kind) {
    case undefined:
      return []
    case 'apply':
      return action.tell.map(({ url }) => url)
    case 'recycle':
      return [action.url]
    case 'patch':
    case 'touch':
      return []
    case 'write':
      return action.change.rollout?.step.servers ?? []
  }
}
