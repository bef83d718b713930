import { type Audit, controlsKey, parseServedName } from '@drover/model-config'
import { z } from 'zod'

/** The version to which a model is held, who holds it there since when, and why. */
export const Pin = z.object({
  version: z.union([z.int(), z.literal('none')]),
  born: z.int().optional(),
  by: z.string(),
  why: z.string(),
  at: z.string(),
  /** The rollback of the fleet that wrote it, by the seq at which it was asked for. */
  undo: z.int().optional(),
})
export type Pin = z.output<typeof Pin>

/** A tenant's controls, of which the audit has each state that was replaced. */
const Controls = z.object({ pins: z.record(z.string(), Pin) })

/** One thing that happened to a model. */
export interface Event {
  at: string
  what: string
}

/** A model that is held back: what waits for its release, and by which commands that comes. */
export interface HeldBack {
  pin: Pin
  /** Versions that pass, and that are newer than the pinned one. */
  waiting: number[]
  release: string[]
}

/** What the publisher says of a model, as far as pins go. */
interface Pinned {
  born?: number | undefined
  pin?: Pin | undefined
  versions: readonly { version: number; verdict?: { pass: boolean } | undefined }[]
}

/** Why a model is not served by its newest version; undefined where nothing holds it. */
export function heldBackOf(
  name: string,
  { pin, versions }: Pick<Pinned, 'pin' | 'versions'>,
): HeldBack | undefined {
  if (pin === undefined) return undefined
  const lowest = pin.version === 'none' ? 0 : pin.version
  const waiting = versions
    .filter(({ version, verdict }) => version > lowest && verdict?.pass === true)
    .map(({ version }) => version)
  const ofFleet = pin.version === 'none' ? ['drover release --newcomers'] : []
  const together = pin.undo === undefined ? [] : [...ofFleet, 'drover release --fleet']
  return { pin, waiting, release: [`drover release ${name}`, ...together] }
}

/** The lines that a person reads of it. */
export function linesOfHeldBack({ pin, waiting, release }: HeldBack): string[] {
  const versions =
    waiting.length === 1 ? `version ${waiting[0]} waits` : `${waiting.join(', ')} wait`
  const [alone, ...together] = release
  const others = together.map((command) => `; with others of the fleet by: ${command}`)
  return [
    `since ${pin.at} ${describePin(pin)}`,
    `${waiting.length === 0 ? '' : `${versions} until it is `}released by: ${alone}${others.join('')}`,
  ]
}

const withWhy = (what: string, why = ''): string => (why === '' ? what : `${what}: ${why}`)

function describePin({ version, by, why, undo }: Pin): string {
  const whole = undo === undefined ? '' : ' with the whole fleet'
  const target = version === 'none' ? 'none, so that it is not served' : `version ${version}`
  return withWhy(`rolled back${whole} by ${by} and pinned to ${target}`, why)
}

/** How a model was pinned and released, as far as the audit of its tenant goes back. */
export function eventsOfPins(
  name: string,
  { born, pin }: Pinned,
  records: readonly Audit[],
): Event[] {
  const { tenant, model } = parseServedName(name)
  const moves = records
    .filter(({ object }) => object === controlsKey(tenant))
    .toSorted((a, b) => a.seq - b.seq)
  // A record has the state before it, so the next one has the state after it.
  const states = moves.map(({ before }) => {
    const found = Controls.safeParse(before).data?.pins[model]
    // What was created anew under the name is not bound by a pin of what was there before.
    return found?.born === born ? found : undefined
  })
  const events = moves.flatMap((move, at): Event[] => {
    const before = states[at]
    const after = at + 1 < moves.length ? states[at + 1] : pin
    if (isSame(before, after)) return []
    return after === undefined
      ? [{ at: move.at, what: withWhy(`released by ${move.by}`, move.why) }]
      : [{ at: after.at, what: describePin(after) }]
  })
  const isTold = pin === undefined || events.some(({ at }) => at === pin.at)
  return isTold ? events : [...events, { at: pin.at, what: describePin(pin) }]
}

const isSame = (a: Pin | undefined, b: Pin | undefined): boolean =>
  a?.at === b?.at && a?.version === b?.version
