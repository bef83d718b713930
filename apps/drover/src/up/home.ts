import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { isRunning, removeSession, startOf } from '../session.ts'

const PRIVATE_MODE = 0o600
const PRIVATE_FOLDER_MODE = 0o700
const TOKEN_BYTES = 32
const LOCK_TRIES_MAX = 5

const Holder = z.object({ pid: z.int(), started: z.string() })

/** The folder of a local Drover, held by this process alone. */
export interface Home {
  token: string
  tokenFile: string
  /** Lets the next `up` have it. */
  release: () => Promise<void>
}

/** Makes the folder of a local Drover ready for one `up`; refuses when another one runs there. */
export async function openHome(home: string): Promise<Home> {
  await mkdir(home, { recursive: true, mode: PRIVATE_FOLDER_MODE })
  const lock = join(home, 'up.lock')
  await takeLock(home, lock)
  await removeSession(home)
  const tokenFile = join(home, 'token')
  const token = await readOrMakeToken(tokenFile)
  return { token, tokenFile, release: async () => await rm(lock, { force: true }) }
}

/** Whoever links its own file there first has the folder, until its process is gone. */
async function takeLock(home: string, lock: string): Promise<void> {
  const { pid } = process
  const own = `${lock}.${pid}`
  await writeFile(own, JSON.stringify({ pid, started: startOf(pid) }), { mode: PRIVATE_MODE })
  try {
    for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
      if (await linkIfAbsent(own, lock)) return
      const holder = await readHolder(lock)
      if (holder !== undefined && isRunning(holder)) throw alreadyRuns(home, holder.pid)
      await removeStale(lock, own)
    }
    throw new CliError(Exit.CONFLICT, `other starts in ${home} are in the way; try again`)
  } finally {
    await rm(own, { force: true })
  }
}

const alreadyRuns = (home: string, pid: number): CliError =>
  new CliError(
    Exit.CONFLICT,
    `a Drover already runs in ${home} (process ${pid}); DROVER_HOME names another folder`,
  )

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Undefined: there is none, or it is damaged, as after a power cut. */
async function readHolder(lock: string): Promise<z.output<typeof Holder> | undefined> {
  const text = await readFile(lock, 'utf8').catch(() => '')
  const holder = z.string().transform(parseJson).pipe(Holder).safeParse(text)
  return holder.success ? holder.data : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Damaged: nobody holds it.
    return undefined
  }
}

/** Takes a dead process's lock away; one that another start has put there meanwhile goes back. */
async function removeStale(lock: string, own: string): Promise<void> {
  const aside = `${own}.stale`
  await rename(lock, aside).catch(() => {})
  const moved = await readHolder(aside)
  if (moved !== undefined && isRunning(moved)) await linkIfAbsent(aside, lock)
  await rm(aside, { force: true })
}

async function readOrMakeToken(file: string): Promise<string> {
  const present = await readFile(file, 'utf8').catch(() => '')
  if (present !== '') return present.trim()
  const token = randomBytes(TOKEN_BYTES).toString('hex')
  await writeFile(file, token, { mode: PRIVATE_MODE })
  return token
}
