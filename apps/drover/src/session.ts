import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { CliError, Exit } from './output.ts'

const PRIVATE_MODE = 0o600

const Reach = z.strictObject({
  trainerScheduler: z.url(),
  configPublisher: z.url(),
  restarter: z.url(),
  servers: z.array(z.strictObject({ name: z.string(), agent: z.url().optional(), rest: z.url() })),
})

/** How the command line reaches a Drover, wherever it runs. */
export type Reach = z.output<typeof Reach> & { token: string }

/** `up.json`: how the command line reaches what `drover up` runs. */
export const Session = Reach.extend({
  format: z.literal(1),
  pid: z.int().positive(),
  /** When that process started, by the kernel's clock: a pid alone may be somebody else's by now. */
  started: z.string(),
  token: z.string(),
  servers: z.array(z.strictObject({ name: z.string(), agent: z.url(), rest: z.url() })),
})
export type Session = z.output<typeof Session>

/** The file of `DROVER_REMOTE`: a Drover that somebody else runs, such as Docker Compose. */
const Remote = Reach.extend({
  format: z.literal(1),
  /** A file with the bearer token of the APIs; a relative path starts at this file's folder. */
  tokenFile: z.string().min(1),
})

const fileIn = (home: string): string => join(home, 'up.json')

/** What a process's start is known by; empty when there is no such process. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the process is in brackets and may hold blanks; what follows it is numbers.
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    // No such process, or no /proc on this system: both mean that nothing is known to run.
    return ''
  }
}

/** The session in a folder, whether or not its process still runs; undefined when there is none. */
export async function readSession(home: string): Promise<Session | undefined> {
  const text = await readFile(fileIn(home), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return Session.parse(JSON.parse(text))
  } catch {
    // Damaged, or of another Drover: nobody can be reached by it.
    return undefined
  }
}

export const isRunning = ({ pid, started }: Pick<Session, 'pid' | 'started'>): boolean =>
  started !== '' && startOf(pid) === started

/** The session to talk to; says what to do when nothing runs. */
export async function requireSession(home: string): Promise<Session> {
  const session = await readSession(home)
  if (session !== undefined && isRunning(session)) return session
  throw new CliError(
    Exit.DEPENDENCY_DOWN,
    `no Drover runs in ${home}: start one with \`npm start\`, or name its folder by DROVER_HOME`,
  )
}

/** Where the Drover of a `DROVER_REMOTE` file is; says what is wrong with the file, or its token. */
export async function readRemote(file: string): Promise<Reach> {
  try {
    const remote = Remote.parse(JSON.parse(await readFile(file, 'utf8')))
    const token = await readFile(resolve(dirname(file), remote.tokenFile), 'utf8')
    return { ...remote, token: token.trim() }
  } catch (cause) {
    throw new CliError(Exit.USAGE, `DROVER_REMOTE=${file} cannot be used`, { cause })
  }
}

export async function writeSession(home: string, session: Session): Promise<void> {
  // Whole or not at all: others wait for this file.
  const draft = `${fileIn(home)}.${process.pid}`
  await writeFile(draft, JSON.stringify(session), { mode: PRIVATE_MODE })
  await rename(draft, fileIn(home))
}

export async function removeSession(home: string): Promise<void> {
  await rm(fileIn(home), { force: true })
}
