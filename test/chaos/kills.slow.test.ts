import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type LocalDrover, processesOf, startLocalDrover } from '../support/local.ts'

const TEST_MS_MAX = 180_000
const BACK_MS_MAX = 60_000

const Waited = z.object({ models: z.array(z.object({ stage: z.string() })) })
const ROW = { hour: 21, weekday: 'friday', distance: 500, destination: 'MCO' }

/** Asks a server for a prediction; its status, or the reason why there is none. */
async function ask(rest: string, name: string): Promise<number | string> {
  try {
    const response = await fetch(`${rest}/v1/models/${name}:predict`, {
      method: 'POST',
      body: JSON.stringify({ instances: [ROW] }),
      signal: AbortSignal.timeout(5_000),
    })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    return error instanceof Error ? error.name : 'unknown'
  }
}

/** Asks one server all the time, until it is told to stop; counts what came back. */
function askAllTheTime(rest: string, name: string) {
  const counts = new Map<number | string, number>()
  let going = true
  const done = (async () => {
    while (going) {
      const answer = await ask(rest, name)
      counts.set(answer, (counts.get(answer) ?? 0) + 1)
    }
  })()
  return async () => {
    going = false
    await done
    return Object.fromEntries(counts)
  }
}

describe('kill -9', () => {
  let drover: LocalDrover
  // Airports that are served by a linear model when nothing is killed.
  const waiting = ['ord', 'dfw', 'atl', 'phx', 'stl', 'las', 'den', 'dtw']

  /** The airports that were onboarded, and so must be answered for ever. */
  const onboarded: string[] = []

  async function onboardNext(): Promise<string> {
    const tenant = waiting.shift() ?? ''
    const ran = await drover.run('onboard', tenant, '--sample', 'flights', '--json')
    // A model that the gate rejects went through the whole loop as well.
    expect([0, 7], ran.stderr).toContain(ran.code)
    const { models } = Waited.parse(JSON.parse(ran.stdout))
    if (models.every(({ stage }) => stage === 'served')) onboarded.push(tenant)
    return tenant
  }

  async function expectAllAnswered(): Promise<void> {
    for (const { rest } of drover.up.servers) {
      for (const tenant of onboarded) {
        await vi.waitUntil(async () => (await ask(rest, `${tenant}.late`)) === 200, {
          timeout: BACK_MS_MAX,
          interval: 100,
        })
      }
    }
  }

  beforeAll(async () => {
    drover = await startLocalDrover()
    while (onboarded.length === 0) await onboardNext()
  }, TEST_MS_MAX)

  afterAll(async () => await drover[Symbol.asyncDispose]())

  test.each(['trainer-scheduler', 'config-publisher', 'restarter', 'redis-server'])(
    'of %s costs no prediction, and the loop goes on',
    { timeout: TEST_MS_MAX },
    async (part) => {
      const [server] = drover.up.servers
      const stop = askAllTheTime(server?.rest ?? '', `${onboarded[0]}.late`)
      const pid = await drover.pidOf(part)

      process.kill(pid, 'SIGKILL')
      await onboardNext()

      expect(Object.keys(await stop())).toEqual(['200'])
      await expectAllAnswered()
    },
  )

  test.each(['tf-server', 'model-server'])(
    'of a %s costs no other server a prediction, and its own models come back',
    { timeout: TEST_MS_MAX },
    async (part) => {
      const pid = await drover.pidOf(`/${part}/`)

      process.kill(pid, 'SIGKILL')
      await onboardNext()

      await expectAllAnswered()
    },
  )

  test(
    'of drover up itself ends its children, and the next start goes on',
    { timeout: TEST_MS_MAX },
    async () => {
      const ended = once(drover.process, 'exit')
      drover.process.kill('SIGKILL')
      await ended

      await vi.waitUntil(async () => (await processesOf(drover.home)).length === 0, {
        timeout: BACK_MS_MAX,
        interval: 100,
      })
      drover = await startLocalDrover(['--sample', 'none'], drover.home)

      await expectAllAnswered()
    },
  )
})
