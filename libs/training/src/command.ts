import { fork, type StdioOptions } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Quality } from '@drover/model-config'
import { TrainingError } from './errors.ts'
import { endLeftBehind, RUN_VARIABLE } from './left-behind.ts'
import { GuardAnswer } from './messages.ts'
import { collectOutput, measure, OUTPUT_BYTES_MAX, readQuality } from './output.ts'
import { Tail } from './tail.ts'

const GUARD = fileURLToPath(new URL('../dist/command-guard.js', import.meta.url))
const TAIL_CHARACTERS_MAX = 2_000
const POLL_MS = 200
/** After all of it was killed, only a process that cannot be found can still hold the pipes. */
const PIPES_MS_MAX = 2_000
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface CommandRequest {
  /** Program and first arguments from the operator's list, never from a spec. */
  argv: readonly string[]
  dataPath: string
  /** A folder that exists and is empty. */
  outputDirectory: string
  timeoutMs: number
  signal: AbortSignal
  /** What the operator adds to the environment, such as PATH. */
  environment?: Readonly<Record<string, string>>
  /** How much may lie in the output and in the program's own folder; 4 GiB unless told. */
  outputBytesMax?: number
}

/** What a command made, besides the files. */
export interface CommandResult {
  quality?: Quality
  /** Why the quality that the output brought was not taken. */
  ignored?: string
}

/**
 * Runs a program with the paths of the data and of the output as its last arguments: in a process
 * group and a home folder of its own, with a bare environment. When it ends, is cancelled, is late
 * or writes too much, everything in its group is killed, and then what left the group, as far as
 * `endLeftBehind` finds it: so nothing changes the output once it is looked at. Rejects with a
 * TrainingError.
 */
export async function runCommand(request: CommandRequest): Promise<CommandResult> {
  if (request.signal.aborted) throw cancelled()
  const home = await realpath(await mkdtemp(join(tmpdir(), 'drover-command-')))
  try {
    await runInHome(request, home)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
  const { outputDirectory, outputBytesMax } = request
  return await readQuality(await collectOutput(outputDirectory, outputBytesMax))
}

const cancelled = (cause?: unknown): TrainingError =>
  new TrainingError('CANCELLED', 'the training was cancelled', { cause })

async function runInHome(request: CommandRequest, home: string): Promise<void> {
  const { argv, dataPath, outputDirectory, timeoutMs, signal } = request
  const args = [...argv, dataPath, outputDirectory]
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'ipc']
  const run = randomUUID()
  const own = { HOME: home, TMPDIR: home, [RUN_VARIABLE]: run }
  const env = { PATH, LANG: 'C.UTF-8', ...request.environment, ...own }
  const guard = fork(GUARD, args, { detached: true, cwd: home, env, execArgv: [], stdio })
  const tail = new Tail(TAIL_CHARACTERS_MAX)
  tail.follow(guard.stdout)
  tail.follow(guard.stderr)
  let answer: GuardAnswer | undefined
  guard.once('message', (message) => {
    answer = GuardAnswer.parse(message)
  })
  let failure: TrainingError | undefined
  const end = (why: TrainingError): void => {
    failure ??= why
    killGroup(guard.pid)
  }
  const cancel = (): void => end(cancelled())
  signal.addEventListener('abort', cancel, { once: true })
  const late = `the command took longer than ${timeoutMs} ms`
  const timer = setTimeout(() => end(new TrainingError('TIMEOUT', late)), timeoutMs)
  const watching = new AbortController()
  const watched = watchSize([outputDirectory, home], { request, end, stop: watching.signal })
  try {
    // A guard that cannot be forked reports an error instead of an exit and a close.
    const exited = once(guard, 'exit')
    const closed = once(guard, 'close').catch(() => [])
    await exited.catch((cause: unknown) => {
      failure ??= new TrainingError('TRANSIENT', 'no process can be started', { cause })
    })
    killGroup(guard.pid)
    await endLeftBehind({ run, home })
    await Promise.race([closed, wait(PIPES_MS_MAX, undefined, { ref: false })])
  } finally {
    clearTimeout(timer)
    watching.abort()
    signal.removeEventListener('abort', cancel)
    await watched
  }
  failure ??= failureOf(answer, argv[0] ?? '', tail.text)
  if (failure !== undefined) throw failure
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody of the group is left.
  }
}

interface Watch {
  request: CommandRequest
  end: (why: TrainingError) => void
  stop: AbortSignal
}

/** Ends the command once there is too much in the folders. */
async function watchSize(
  folders: readonly string[],
  { request: { outputBytesMax = OUTPUT_BYTES_MAX }, end, stop }: Watch,
): Promise<void> {
  while (!stop.aborted) {
    let sizeBytes = 0
    for (const folder of folders) sizeBytes += await measure(folder, outputBytesMax)
    if (sizeBytes > outputBytesMax) {
      const message = `the command wrote more than ${outputBytesMax} bytes or too many files`
      return end(new TrainingError('BAD_OUTPUT', message))
    }
    // The wait is cut short by the stop.
    await wait(POLL_MS, undefined, { signal: stop }).catch(() => {})
  }
}

/** Why a command that was left alone failed; undefined when it did not. */
function failureOf(
  answer: GuardAnswer | undefined,
  program: string,
  tail: string,
): TrainingError | undefined {
  if (answer === undefined)
    return new TrainingError('TRANSIENT', 'the guard of the command ended before the command')
  if ('error' in answer) {
    const cause = new Error(answer.error)
    return new TrainingError('CRASHED', `${program} cannot be started`, { cause })
  }
  if (answer.code === 0) return undefined
  const how = answer.signal === null ? `with exit code ${answer.code}` : `by ${answer.signal}`
  const said = tail === '' ? ', and said nothing' : `, and last said: ${tail}`
  return new TrainingError('CRASHED', `the command ended ${how}${said}`)
}
