import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const SERVICE = new URL('../dist/run.fixture.js', import.meta.url).pathname
const Line = z.object({ msg: z.string(), why: z.string().optional() })

/** The service once it has started; `lines` is what it logged so far. */
async function start(...how: string[]) {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [SERVICE, ...how])
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const ended = once(child, 'close')
  await until(() => output.includes('\n'))
  return {
    child,
    ended: async () => z.tuple([z.int().nullable(), z.string().nullable()]).parse(await ended),
    output: () => output,
    lines: () =>
      output
        .trim()
        .split('\n')
        .map((line) => Line.parse(JSON.parse(line))),
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops a service in order', async (signal) => {
  const { child, ended, lines } = await start('alone')

  child.kill(signal)

  expect(await ended()).toEqual([0, null])
  expect(lines().map(({ msg }) => msg)).toEqual(['started', 'stopping', 'tidied up', 'stopped'])
  expect(lines()[1]?.why).toBe(signal)
})

test('the end of its standard input stops a service that follows its parent', async () => {
  const { child, ended, lines } = await start('follows')

  child.stdin.end()

  expect(await ended()).toEqual([0, null])
  expect(lines()[1]).toMatchObject({ msg: 'stopping', why: 'the parent is gone' })
})

test('the end of its standard input is nothing to a service that stands alone', async () => {
  const { child, ended, lines } = await start('alone')

  child.stdin.end()
  child.kill('SIGTERM')

  expect(await ended()).toEqual([0, null])
  expect(lines()[1]?.why).toBe('SIGTERM')
})

test('a service that cannot go on says why and exits 1', async () => {
  const { ended, output } = await start('alone', 'fails')

  expect(await ended()).toEqual([1, null])
  expect(output()).toContain('cannot go on')
})

test('a service that is done exits 0, also while something would keep its process', async () => {
  const { ended } = await start('alone', 'ends')

  expect(await ended()).toEqual([0, null])
})

test('a service that hangs when it is told to stop is ended', async () => {
  const { child, ended, lines } = await start('alone', 'hangs')

  child.kill('SIGTERM')

  expect(await ended()).toEqual([1, null])
  expect(lines().at(-1)?.msg).toBe('stopping took too long')
})

test('a token is never in the log', async () => {
  const { ended, output } = await start('alone', 'ends')

  await ended()

  expect(output()).toContain('"msg":"started"')
  expect(output()).not.toContain('secret')
})

test('a file system that hangs does not keep a service that is told to stop', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-run-'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const { child, ended, lines } = await start('alone', 'reads', join(folder, 'pipe'))

  child.kill('SIGTERM')

  expect(await ended()).toEqual([null, 'SIGKILL'])
  expect(lines().at(-1)?.msg).toBe('stopped')
  await rm(folder, { recursive: true })
})
