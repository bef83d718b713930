import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startOf } from '../session.ts'
import { openHome } from './home.ts'

let home: string

beforeEach(async () => {
  home = join(await mkdtemp(join(tmpdir(), 'drover-lock-')), 'home')
})

afterEach(async () => await rm(join(home, '..'), { recursive: true }))

test('a folder is held by one start only, until it is released', async () => {
  const first = await openHome(home)

  await expect(openHome(home)).rejects.toThrow(`already runs in ${home} (process ${process.pid})`)
  await first.release()
  const second = await openHome(home)

  expect(second.token).toBe(first.token)
})

test('of many starts at once one gets the folder, and no file of the others stays', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, async () => await openHome(home)),
  )

  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await readdir(home)).toEqual(['token', 'up.lock'])
})

test('the lock of a process that was killed is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const { pid = 0 } = child
  await openHome(home).then(async ({ release }) => await release())
  await writeFile(join(home, 'up.lock'), JSON.stringify({ pid, started: startOf(pid) }))
  await expect(openHome(home)).rejects.toThrow(`process ${pid}`)

  child.kill('SIGKILL')
  await once(child, 'exit')

  await expect(openHome(home)).resolves.toHaveProperty('token')
})

test.each(['', '{"pid": 1', '[]'])('a damaged lock or session %j holds nobody up', async (text) => {
  await openHome(home).then(async ({ release }) => await release())
  await writeFile(join(home, 'up.lock'), text)
  await writeFile(join(home, 'up.json'), text)

  await expect(openHome(home)).resolves.toHaveProperty('token')
})

test('the folder and the token are for this user alone', async () => {
  await openHome(home)

  expect((await stat(home)).mode & 0o077).toBe(0)
  expect((await stat(join(home, 'token'))).mode & 0o077).toBe(0)
})
