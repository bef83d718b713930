import { alignRows } from '../output.ts'
import { type Staged, STAGES } from '../stage.ts'

const NOTE_CHARACTERS_MAX = 90

/** One client in the table: its name, where it is, and since when. */
export interface Row extends Staged {
  tenant: string
  seconds: number
}

/** The table that fills in while the clients go through the loop. */
export function renderTable(rows: readonly Row[]): string[] {
  const cells = rows.map(({ tenant, stage, seconds, note }) => [
    tenant,
    bar(stage),
    stage,
    `${seconds.toFixed(1)} s`,
    note.slice(0, NOTE_CHARACTERS_MAX),
  ])
  return alignRows([['client', '', 'stage', 'after', ''], ...cells])
}

/** A plain line for one change, where there is no terminal to redraw. */
export function renderChange({ tenant, stage, seconds, note }: Row): string {
  return `${seconds.toFixed(1)} s  ${tenant}  ${stage}${note === '' ? '' : `  ${note}`}`
}

const LAST = STAGES.indexOf('served')

function bar(stage: Staged['stage']): string {
  const done = STAGES.indexOf(stage)
  if (done > LAST) return 'x'.padStart(LAST + 1, '-')
  return '#'.repeat(done + 1).padEnd(LAST + 1, '.')
}
