import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { ask, askAllTheTime } from '../support/ask.ts'
import { type LocalDrover, processesOf, startLocalDrover } from '../support/local.ts'

const TEST_MS_MAX = 180_000
const BACK_MS_MAX = 60_000

const Waited = z.object({ models: z.array(z.object({ stage: z.string() })) })
/** What fetch throws when there is no answer. */
const NETWORK_ERROR = 'TypeError'
const ROW = { hour: 21, weekday: 'friday', distance: 500, destination: 'MCO' }

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
        await vi.waitUntil(async () => (await ask(rest, `${tenant}.late`, ROW)) === 200, {
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

  afterAll(async () => {
    await drover[Symbol.asyncDispose]()
    await rm(drover.home, { recursive: true, force: true })
  })

  test.each(['trainer-scheduler', 'config-publisher', 'restarter', 'redis-server'])(
    'of %s costs no prediction, and the loop goes on',
    { timeout: TEST_MS_MAX },
    async (part) => {
      const [server] = drover.up.servers
      const stop = askAllTheTime(server?.rest ?? '', `${onboarded[0]}.late`, ROW)
      const pid = await drover.pidOf(part)

      process.kill(pid, 'SIGKILL')
      await onboardNext()

      expect(Object.keys(await stop())).toEqual(['200'])
      await expectAllAnswered()
    },
  )

  test.each(['tf-server', 'model-server'])(
    'of a %s costs no other server a prediction, and its own port never denies a model',
    { timeout: TEST_MS_MAX },
    async (part) => {
      const pid = await drover.pidOf(`/${part}/`)
      const known = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`))
      const other = drover.up.servers.find(({ name }) => !known.join().includes(name))
      const own = drover.up.servers.find(({ name }) => known.join().includes(name))
      const stop = askAllTheTime(other?.rest ?? '', `${onboarded[0]}.late`, ROW)
      const stopOwn = askAllTheTime(own?.rest ?? '', `${onboarded[0]}.late`, ROW)

      process.kill(pid, 'SIGKILL')
      await onboardNext()
      await expectAllAnswered()

      expect(Object.keys(await stop())).toEqual(['200'])
      // It may refuse a connection or break it off, but never say that there is no such model.
      const answers = Object.keys(await stopOwn())
      expect(answers).toContain('200')
      expect(answers.filter((answer) => answer !== '200' && answer !== NETWORK_ERROR)).toEqual([])
    },
  )

  test(
    'of drover up itself ends its children, and the next start goes on',
    { timeout: TEST_MS_MAX },
    async () => {
      const ended = once(drover.process, 'exit')
      drover.process.kill('SIGKILL')
      await ended

      await expect
        .poll(async () => await processesOf(drover.home), { timeout: BACK_MS_MAX })
        .toEqual([])
      drover = await startLocalDrover(['--sample', 'none'], drover.home)

      await expectAllAnswered()
    },
  )
})
