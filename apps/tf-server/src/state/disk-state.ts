import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ConfigEntry, ConfigRef, Culprit, Instant, ServedName } from '@drover/model-config'
import { z } from 'zod'
import { AgentError } from '../errors.ts'

const Confirmed = ConfigRef.extend({
  /** What of the config this server could not confirm. */
  failed: z.array(Culprit),
  /** What is served in place of an entry of the config: its last good versions. */
  kept: z.record(ServedName, ConfigEntry),
})

/** `state.json`: what must survive the agent. */
const DiskState = z.strictObject({
  format: z.literal(1),
  /** The highest fence seen. */
  fence: z.int().nonnegative(),
  recycles: z.int().nonnegative(),
  /** What is about to be applied, written before the model server hears of it. */
  applying: ConfigRef.optional(),
  confirmed: Confirmed.optional(),
  endedUnder: ConfigRef.optional(),
})
export type DiskState = z.output<typeof DiskState>

/** `live.json`: which confirmed config was live when the channel was last read. */
const SeenLive = z.strictObject({ format: z.literal(1), ref: ConfigRef, at: Instant })
export type SeenLive = z.output<typeof SeenLive>

type Droppable = 'applying' | 'endedUnder' | 'confirmed'

const FRESH: DiskState = { format: 1, fence: 0, recycles: 0 }

/** What an agent keeps on disk about itself. */
export interface DiskStateFile {
  readonly value: Readonly<DiskState>
  readonly seenLive: Readonly<SeenLive> | undefined
  /** Changes some fields; on disk, through to the platter, when the promise resolves. */
  update(change: Partial<DiskState>): Promise<void>
  /** Drops fields that no longer hold, and changes others. */
  settle(drop: readonly Droppable[], change?: Partial<DiskState>): Promise<void>
  /** Notes that a config was live just now. Renewed often, so it is not forced to the platter. */
  sawLive(ref: ConfigRef, at: Date): Promise<void>
}

/**
 * Opens the state in `folder`. A note of an apply that never ended means that the model server
 * ended under that config, together with the agent: it becomes `endedUnder`.
 */
export async function openDiskState(
  folder: string,
  onDamaged: (error: unknown) => void,
): Promise<DiskStateFile> {
  await mkdir(folder, { recursive: true })
  const [statePath, livePath] = [join(folder, 'state.json'), join(folder, 'live.json')]
  let value: DiskState = (await readChecked(statePath, DiskState, onDamaged)) ?? FRESH
  let seenLive = await readChecked(livePath, SeenLive, onDamaged)
  if (value.applying !== undefined) {
    const { applying, ...rest } = value
    value = { ...rest, endedUnder: applying }
  }

  let last: Promise<void> = Promise.resolve()

  async function settleNow(drop: readonly Droppable[], change: Partial<DiskState>) {
    const next: DiskState = { ...value }
    for (const field of drop) delete next[field]
    Object.assign(next, change)
    await replace(statePath, next, { isForced: true })
    value = next
  }

  /** One write after the other: those to one file go by way of the same temporary file. */
  async function inTurn(write: () => Promise<void>): Promise<void> {
    const turn = last.then(write)
    last = turn.catch(() => {})
    await turn
  }

  async function settle(drop: readonly Droppable[], change: Partial<DiskState> = {}) {
    await inTurn(async () => await settleNow(drop, change))
  }

  return {
    get value() {
      return value
    },
    get seenLive() {
      return seenLive
    },
    update: async (change) => await settle([], change),
    settle,
    async sawLive({ sha, seq }, at) {
      const next: SeenLive = { format: 1, ref: { sha, seq }, at: at.toISOString() }
      await inTurn(async () => {
        await replace(livePath, next, { isForced: false })
        seenLive = next
      })
    },
  }
}

async function readChecked<T>(
  path: string,
  schema: z.ZodType<T>,
  onDamaged: (error: unknown) => void,
): Promise<T | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if (z.object({ code: z.literal('ENOENT') }).safeParse(cause).success) return undefined
    throw new AgentError('IMPAIRED', `${path} cannot be read`, { cause })
  }
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    // Without it the agent forgets its fence, which the next command brings back. Not starting at
    // all would be worse, so the damaged file is put aside for a person to look at.
    onDamaged(error)
    await rename(path, `${path}.damaged`)
    return undefined
  }
}

async function replace(
  path: string,
  value: object,
  { isForced }: { isForced: boolean },
): Promise<void> {
  const next = `${path}.next`
  try {
    if (isForced) {
      const file = await open(next, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(value))
        await file.datasync()
      } finally {
        await file.close()
      }
    } else {
      await writeFile(next, JSON.stringify(value), { mode: 0o600 })
    }
    await rename(next, path)
    if (isForced) await syncFolder(dirname(path))
  } catch (cause) {
    throw new AgentError('IMPAIRED', `${path} cannot be written`, { cause })
  }
}

/** A rename is on the platter when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
