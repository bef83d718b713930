import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openQueue, openRedis } from '@drover/jobs'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { readConfig } from './config.ts'
import { startFleet } from './test-support/fleet.ts'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const UNTIL = { timeout: 30_000, interval: 10 }
const Started = z.object({ msg: z.literal('started'), url: z.url() })

/** The restarter as `drover up` starts it: a process with a pipe at its standard input. */
async function startProcess(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { DROVER_FOLLOW_PARENT: 'true', ...env },
  })
  const exited = once(child, 'exit')
  const lines: string[] = []
  createInterface(child.stdout).on('line', (line) => lines.push(line))
  await vi.waitUntil(() => lines.some((line) => line.includes('"started"')), UNTIL)
  const started = lines.find((line) => line.includes('"msg":"started"'))
  const { url } = Started.parse(JSON.parse(started ?? '{}'))
  return {
    child,
    exited,
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

test('a process that is killed in a rollout is followed by one that ends it, and that ends with its parent', async () => {
  await using redis = await openRedis()
  await using fleet = await startFleet(2)
  const events = new EventTarget()
  const opened = once(events, 'open')
  for (const { knobs } of fleet.agents) knobs.applying = async () => void (await opened)
  const token = join(fleet.directory, 'token')
  await writeFile(token, 'secret\n')
  const env = {
    DROVER_STORE: fleet.directory,
    DROVER_REDIS_URL: redis.url,
    DROVER_SERVERS: fleet.agents.map(({ url }) => url).join(','),
    DROVER_SERVERS_TOKEN_FILE: token,
    DROVER_INSTANCE: 'up',
    DROVER_SCAN_MS: '60000',
  }
  const queue = openQueue({ name: 'rollout', fleet: 'main' }, { url: redis.url })
  await using first = await startProcess(env)
  const candidate = await fleet.publish(1)
  await queue.nudge({ fleet: 'main' })
  await vi.waitUntil(() => fleet.agents[0]?.state.applying !== undefined, UNTIL)

  first.child.kill('SIGKILL')
  await first.exited
  await using second = await startProcess(env)
  events.dispatchEvent(new Event('open'))
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, UNTIL)
  const ready = await fetch(`${second.url}/readyz`)
  second.child.stdin.end()
  const [code] = await second.exited
  await queue[Symbol.asyncDispose]()

  expect((await fleet.readChannel()).live).toMatchObject(candidate)
  expect(ready.status).toBe(200)
  expect(code).toBe(0)
})

test.each(['dns+http://tf-server', 'dns+https://tf-server:1', 'dns+http://a:1/x', 'dns+http://:1'])(
  '%s names no servers',
  (entry) => {
    expect(() => readConfig({ DROVER_SERVERS: `http://a:1,${entry}` })).toThrow(/dns\+http/)
  },
)

test('servers may be named by DNS', () => {
  const list = 'http://a:1/, dns+http://tf-server.drover.svc:8080'

  expect(readConfig({ DROVER_SERVERS: list }).DROVER_SERVERS).toEqual([
    'http://a:1',
    'dns+http://tf-server.drover.svc:8080',
  ])
})

test('wrong settings are named all at once', () => {
  const env = {
    DROVER_SERVERS: 'ftp://a',
    DROVER_PARALLEL: '0',
    DROVER_FLEET: 'No',
    DROVER_WINDOWS: '0 2 * * * Europe/Berln 4h',
  }

  for (const name of Object.keys(env)) expect(() => readConfig(env), name).toThrow(name)
})
