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

/** The last decisions of this process. */
export function makeNotes(onNote: (note: Note) => void = () => {}) {
  const notes: Note[] = []
  let waited: string | undefined

  return {
    add(
      { at, channel }: Observed,
      { action, why }: Decision,
      traceparent: string | undefined,
    ): void {
      const isBeat = action?.kind === 'write' && action.what === 'beat'
      if (isBeat || (action === undefined && waited === why)) return
      waited = action === undefined ? why : undefined
      const what = action === undefined ? 'wait' : nameOf(action)
      const note = { at, what, why, servers: serversOf(action), seq: channel?.seq, traceparent }
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
    case 'write':
      return action.change.rollout?.step.servers ?? []
  }
}
