import { fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GraphBuilder, writeSavedModel } from '@drover/saved-model'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type CommandRequest, runCommand } from './command.ts'
import { QUALITY_PATH } from './output.ts'

const WAIT = { timeout: 30_000 }
/** Time enough for the script to say what it started, on a busy machine too. */
const HANG_MS_MAX = 3_000

let folder: string
let outputDirectory: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-command-test-'))
  outputDirectory = join(folder, 'output')
  await mkdir(outputDirectory)
  const model = writeSavedModel({ graph: new GraphBuilder().build(), signatures: {} })
  await writeFile(join(folder, 'model.pb'), model)
  await writeFile(join(folder, 'data.csv'), 'text,category\nhello,greeting\n')
})
afterEach(async () => await rm(folder, { recursive: true }))

/** Runs a shell script as an operator's command; in it, $1 is the data and $2 the output. */
async function run(script: string, more: Partial<CommandRequest> = {}) {
  const path = join(folder, 'command.sh')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return await runCommand({
    argv: [path],
    dataPath: join(folder, 'data.csv'),
    outputDirectory,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    ...more,
  })
}

const inOutput = async (path: string): Promise<string> =>
  await readFile(join(outputDirectory, path), 'utf8')

/** Gone, or a zombie that nobody has reaped yet. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ')
  return stat.includes(') Z ')
}

const MAKE_MODEL = 'cp "$(dirname "$0")/model.pb" "$2/saved_model.pb"'

describe('a command', () => {
  test('gets the paths of data and output, and its files are the version', async () => {
    const result = await run(`${MAKE_MODEL}; cp "$1" "$2/copy.csv"`)

    expect(result).toEqual({})
    expect(await inOutput('copy.csv')).toContain('greeting')
  })

  test('has a bare environment and a home of its own, which is gone afterwards', async () => {
    await run(`${MAKE_MODEL}; env > "$2/env"; pwd > "$2/home"; touch "$HOME/left"`, {
      environment: { OPERATOR: 'says', HOME: '/elsewhere' },
    })

    const home = (await inOutput('home')).trim()
    const names = (await inOutput('env'))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
    expect(new Set(names)).toEqual(
      new Set(['DROVER_RUN', 'HOME', 'LANG', 'OPERATOR', 'PATH', 'PWD', 'TMPDIR']),
    )
    expect(await inOutput('env')).toContain(`HOME=${home}\n`)
    await expect(readFile(join(home, 'left'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('may say how good its model is', async () => {
    const quality = {
      heldOut: 'folds',
      rows: 9,
      classes: 2,
      logLoss: 1,
      priorLogLoss: 2,
      accuracy: 1,
      commonestAccuracy: 1,
    }
    const write = `mkdir -p "$2/assets.extra/drover"; echo '${JSON.stringify(quality)}' > "$2/${QUALITY_PATH}"`

    expect(await run(`${MAKE_MODEL}; ${write}`)).toEqual({ quality })
    expect((await run(`${MAKE_MODEL}; echo nonsense > "$2/${QUALITY_PATH}"`)).ignored).toContain(
      QUALITY_PATH,
    )
  })

  test.each([
    [
      'exits 1',
      'echo some progress; echo no such column: age >&2; exit 1',
      'CRASHED',
      'the command ended with exit code 1, and last said: some progress\nno such column: age',
    ],
    ['is killed', 'kill -SEGV $$', 'CRASHED', 'the command ended by SIGSEGV, and said nothing'],
    ['writes nothing', 'exit 0', 'BAD_OUTPUT', 'there is no saved_model.pb in the output'],
    [
      'writes garbage',
      'echo garbage > "$2/saved_model.pb"',
      'BAD_OUTPUT',
      '"saved_model.pb" is not a SavedModel',
    ],
    [
      'writes a link',
      `${MAKE_MODEL}; ln -s /etc/passwd "$2/users"`,
      'BAD_OUTPUT',
      '"users" is a link',
    ],
    [
      'writes a hard link to a file outside',
      `${MAKE_MODEL}; ln "$1" "$2/stolen.txt"`,
      'BAD_OUTPUT',
      '"stolen.txt" is a hard link',
    ],
    [
      'writes a VERDICT',
      `${MAKE_MODEL}; echo '{"pass":true}' > "$2/VERDICT"`,
      'BAD_OUTPUT',
      '"VERDICT" has a reserved name',
    ],
  ])('that %s is told apart', async (_, script, code, message) => {
    await expect(run(script)).rejects.toMatchObject({ code, message })
  })

  test('that talks without end is quoted with its last words only', async () => {
    const failed = run('i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; exit 3')

    await expect(failed).rejects.toThrow(/line 19999$/)
    await expect(failed).rejects.toSatisfy((error: Error) => error.message.length < 2_100)
  })

  test('that is not there is named', async () => {
    const missing = run('', { argv: [join(folder, 'missing')] })

    await expect(missing).rejects.toMatchObject({
      code: 'CRASHED',
      message: `${join(folder, 'missing')} cannot be started`,
    })
  })

  test('that hangs is killed with everything that it started', async () => {
    const script = 'sleep 300 & echo $! > "$2/child"; trap "" TERM INT; wait; sleep 300'

    await expect(run(script, { timeoutMs: HANG_MS_MAX })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: `the command took longer than ${HANG_MS_MAX} ms`,
    })

    const child = Number(await inOutput('child'))
    await expect.poll(async () => await hasEnded(child), WAIT).toBe(true)
  })

  test('that leaves something running has it killed', async () => {
    await run(`${MAKE_MODEL}; sleep 300 & echo $! > "$2/child"`)

    const child = Number(await inOutput('child'))
    await expect.poll(async () => await hasEnded(child), WAIT).toBe(true)
  })

  test.each([
    ['leaves its group', 'setsid'],
    ['leaves its group and its folder', 'cd /; setsid'],
    ['leaves its group and clears its environment', 'setsid env -i'],
  ])('whose daemon %s has it ended before the output is read', async (_, leave) => {
    // It writes until the folder is gone.
    const daemon = join(folder, 'daemon.sh')
    await writeFile(
      daemon,
      'echo $$ > "$1/child"; while echo more >> "$1/log"; do sleep 0.01; done',
    )
    const start = `(${leave} /bin/sh ${daemon} "$2" > /dev/null 2>&1 &)`
    await run(`${MAKE_MODEL}; ${start}; until [ -s "$2/child" ]; do sleep 0.01; done`)

    const log = await inOutput('log').catch(() => '')
    const child = Number(await inOutput('child'))
    await expect.poll(async () => await hasEnded(child), WAIT).toBe(true)
    expect(await inOutput('log').catch(() => '')).toBe(log)
  })

  test('that writes too much is ended while it writes', async () => {
    const script = 'while true; do head -c 1000000 /dev/zero >> "$2/big"; done'

    const failed = run(script, { outputBytesMax: 5_000_000 })

    await expect(failed).rejects.toMatchObject({
      code: 'BAD_OUTPUT',
      message: 'the command wrote more than 5000000 bytes or too many files',
    })
  })

  test('that was quick to write too much is refused afterwards', async () => {
    const failed = run(`${MAKE_MODEL}; head -c 2000 /dev/zero > "$2/big"`, {
      outputBytesMax: 1_000,
    })

    await expect(failed).rejects.toMatchObject({ code: 'BAD_OUTPUT' })
  })

  test('is cancelled by the signal', async () => {
    const cancel = new AbortController()
    const failed = run('echo $$ > "$2/pid"; sleep 300', { signal: cancel.signal })
    const pid = await vi.waitUntil(async () => Number(await inOutput('pid').catch(() => '0')), WAIT)

    cancel.abort()

    await expect(failed).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect.poll(async () => await hasEnded(pid), WAIT).toBe(true)
  })

  test('ends when whoever runs it is killed', async () => {
    const guard = fileURLToPath(new URL('../dist/command-guard.js', import.meta.url))
    const pidFile = join(outputDirectory, 'pid')
    const args = [guard, ['/bin/sh', '-c', `echo $$ > "${pidFile}"; sleep 300`], { detached: true }]
    const program = join(folder, 'parent.cjs')
    await writeFile(
      program,
      `require('node:child_process').fork(...${JSON.stringify(args)}); process.send('started')`,
    )
    const child = fork(program, [], { execArgv: [] })
    await once(child, 'message')
    const pid = await vi.waitUntil(async () => Number(await inOutput('pid').catch(() => '0')), WAIT)

    child.kill('SIGKILL')

    await expect.poll(async () => await hasEnded(pid), WAIT).toBe(true)
  })
})
