import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'
import { z } from 'zod'

const BIN = join(import.meta.dirname, '..', '..', 'apps', 'drover', 'bin', 'drover.js')
const UP_MS_MAX = 60_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

export const UpFile = z.object({
  pid: z.int(),
  token: z.string(),
  trainerScheduler: z.string(),
  configPublisher: z.string(),
  restarter: z.string(),
  servers: z.array(z.object({ name: z.string(), agent: z.string(), rest: z.string() })),
})
export type UpFile = z.output<typeof UpFile>

/** What a command of the CLI did. */
export interface Ran {
  code: number
  stdout: string
  stderr: string
}

/** Runs the command line as a user would; never throws for its exit code. */
export async function runDrover(home: string, ...args: string[]): Promise<Ran> {
  const env = { ...process.env, DROVER_HOME: home }
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [BIN, ...args],
      { env, maxBuffer: OUTPUT_BYTES_MAX },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      },
    )
  })
}

export async function makeHome(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'drover-home-'))
}

/** The pids of all processes that were started for a home, by their environment or arguments. */
export async function processesOf(home: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  return pids.filter((pid) => pid !== process.pid && mentions(pid, home))
}

function mentions(pid: number, text: string): boolean {
  return ['cmdline', 'environ'].some((file) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text)
    } catch {
      // It ended meanwhile, or is not ours to look at.
      return false
    }
  })
}

/** The pids of a process group: a part of a Drover with all that it started, by the part's pid. */
export async function groupOf(leader: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  return pids.filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // State, parent and group follow the name, which is in brackets and may hold anything.
      return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[3]) === leader
    } catch {
      // It ended meanwhile.
      return false
    }
  })
}

/** A whole local Drover in a home of its own. */
export interface LocalDrover extends AsyncDisposable {
  home: string
  up: UpFile
  process: ChildProcess
  run: (...args: string[]) => Promise<Ran>
  /** Runs a command with `--json` and reads its one object; throws when it failed. */
  json: <T>(schema: z.ZodType<T>, ...args: string[]) => Promise<T>
  /** The pid of one part, by its name in the process list. */
  pidOf: (part: string) => Promise<number>
  /** Ends it as Ctrl-C does, waits for the end, and tells how it ended. */
  interrupt: () => Promise<Pick<ChildProcess, 'exitCode' | 'signalCode'>>
}

/** Starts `drover up` and waits until its parts answer. */
export async function startLocalDrover(
  args: readonly string[] = ['--sample', 'none'],
  home?: string,
): Promise<LocalDrover> {
  const folder = home ?? (await makeHome())
  const child = spawn(process.execPath, [BIN, 'up', ...args], {
    env: { ...process.env, DROVER_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const file = join(folder, 'up.json')
  const isUp = vi.waitUntil(
    () => {
      if (child.exitCode !== null)
        throw new Error(`drover up ended with ${child.exitCode}: ${said}`)
      // One of an earlier life may still lie there.
      return existsSync(file) && readUpFile(file).pid === child.pid
    },
    { timeout: UP_MS_MAX, interval: 50 },
  )
  await isUp.catch((error: unknown) => {
    child.kill('SIGINT')
    throw error
  })
  const up = readUpFile(file)
  const run = async (...command: string[]) => await runDrover(folder, ...command)
  const interrupt = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      await ended
    }
    const { exitCode, signalCode } = child
    return { exitCode, signalCode }
  }
  return {
    home: folder,
    up,
    process: child,
    run,
    async json(schema, ...command) {
      const { code, stdout, stderr } = await run(...command, '--json')
      if (code !== 0) throw new Error(`drover ${command.join(' ')} exited with ${code}: ${stderr}`)
      return schema.parse(JSON.parse(stdout))
    },
    pidOf: async (part) => await findPart(folder, part),
    interrupt,
    async [Symbol.asyncDispose]() {
      await interrupt()
      if (home === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

const readUpFile = (file: string): UpFile => UpFile.parse(JSON.parse(readFileSync(file, 'utf8')))

async function findPart(home: string, part: string): Promise<number> {
  for (const pid of await processesOf(home)) {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const binary = await readlink(`/proc/${pid}/exe`).catch(() => '')
    if (binary.includes(part) || words.some((word) => word.includes(part))) return pid
  }
  throw new Error(`no process of ${home} is ${part}`)
}
