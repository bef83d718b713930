import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type LocalDrover, processesOf, startLocalDrover } from '../support/local.ts'
import { startNeighbour } from '../support/models.ts'
import { ROW } from '../support/rows.ts'

const TEST_MS_MAX = 120_000
const RECYCLED_MS_MAX = 90_000
const ASKERS = 4
const ANSWER_MS_MAX = 30_000
const WAIT = { timeout: 30_000 }

const SystemError = z.object({ code: z.string() })

/** Asks once; what came back: a status with its whole body, or the code of an error. */
async function askBy(agent: Agent | false, rest: string): Promise<string> {
  try {
    const body = JSON.stringify({ instances: [ROW] })
    const sent = request(`${rest}/v1/models/neighbour.late:predict`, {
      method: 'POST',
      agent,
      headers: { 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    sent.end(body)
    const [response] = await once(sent, 'response')
    const answer = await text(response)
    return response.statusCode === 200 && JSON.parse(answer) ? '200' : answer
  } catch (error) {
    return SystemError.safeParse(error).data?.code ?? String(error)
  }
}

/** Asks a server without a pause, some at once, until the returned function is called. */
function startAsking(rest: string, agent: Agent | false) {
  const state = { going: true }
  const answers: string[] = []
  const asking = Array.from({ length: ASKERS }, async () => {
    while (state.going) answers.push(await askBy(agent, rest))
  })
  return {
    count: () => answers.length,
    stop: async (): Promise<string[]> => {
      state.going = false
      await Promise.all(asking)
      return answers
    },
  }
}

describe('drover restart', () => {
  let drover: LocalDrover
  let expectAnswered: () => Promise<void>

  beforeAll(async () => {
    drover = await startLocalDrover()
    expectAnswered = await startNeighbour(drover)
  }, TEST_MS_MAX)

  afterAll(async () => await drover[Symbol.asyncDispose]())

  /** The model servers that run now, by the server that started them. */
  async function modelServers(): Promise<{ server: string; pid: number }[]> {
    const pids = await processesOf(drover.home)
    return pids.flatMap((pid) => {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      const server = drover.up.servers.find(({ name }) => line.includes(`/${name}/`))?.name
      return server !== undefined && line.includes('/model-server/') ? [{ server, pid }] : []
    })
  }

  test(
    'replaces every model server, and no request fails, on old connections or new ones',
    { timeout: TEST_MS_MAX },
    async () => {
      const before = await modelServers()
      const kept = drover.up.servers.map(() => new Agent({ keepAlive: true, maxSockets: ASKERS }))
      const asked = drover.up.servers.flatMap(({ rest }, index) => [
        startAsking(rest, kept[index] ?? false),
        startAsking(rest, false),
      ])
      await expect
        .poll(() => Math.min(...asked.map(({ count }) => count())), WAIT)
        .toBeGreaterThan(10)

      const { code, stderr } = await drover.run('restart', '--why', 'a test')
      await expect
        .poll(
          async () => {
            const now = await modelServers()
            const isNew = ({ pid }: { pid: number }) => before.every((each) => each.pid !== pid)
            return now.every(isNew) ? now.map(({ server }) => server).toSorted() : []
          },
          { timeout: RECYCLED_MS_MAX, interval: 100 },
        )
        .toEqual(['tf-server-1', 'tf-server-2'])
      const counts = asked.map(({ count }) => count())
      await expect
        .poll(() => asked.every(({ count }, index) => count() > (counts[index] ?? 0) + 10), WAIT)
        .toBe(true)
      const answers = await Promise.all(asked.map(async ({ stop }) => await stop()))

      expect(code, stderr).toBe(0)
      expect(before.map(({ server }) => server).toSorted()).toEqual(['tf-server-1', 'tf-server-2'])
      for (const each of answers) expect(each.filter((answer) => answer !== '200')).toEqual([])
      for (const agent of kept) agent.destroy()
      await expectAnswered()
    },
  )
})
