import { channelKey, configKey, renderConfig } from '@drover/model-config'
import { swapJson } from '@drover/model-store'
import { listen, makeLog } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { makeRestarterApi } from './api.ts'
import { decide } from './plan.ts'
import {
  channel,
  config,
  lineOf,
  observed,
  rollout,
  server,
  state,
} from './test-support/observed.ts'
import { type Fleet, startFleet, startRestarter } from './test-support/fleet.ts'

const WAIT = { timeout: 30_000, interval: 5 }
const AT = '2026-01-02T00:00:00.000Z'
const log = makeLog('test')
log.level = 'silent'

const { root } = renderConfig({})
const entry = { version: 1, manifest: root.sha, verdict: 1, made: root.sha }
const other = renderConfig({ 'acme.late': { born: 1, versions: [entry], labels: {} } })
const undo = { ...config(4), by: 'person', asked: 9 }

test.each([
  [
    'stays until a candidate holds it, and no other one begins',
    channel({ undo: { ...undo, asked: 5 } }),
    'nothing',
  ],
  ['is removed once one does', channel({ undo: { ...undo, asked: 4 } }), 'undone'],
  [
    'stays while a rollout runs',
    channel({ undo: { ...undo, asked: 4 }, rollout: rollout(5, 'apply', ['a']) }),
    'apply a:5 at fence 20',
  ],
])('an undo %s', (_, given, line) => {
  expect(lineOf(decide(observed(given, [server('a', state(4))])).action)).toBe(line)
})

/** A fleet with an API, whose configs 2 and 1 were live before 3. */
async function startLived() {
  const fleet = await startFleet(0)
  const at = (seq: number) => ({ sha: root.sha, seq, at: AT })
  for (const each of [root, other.root]) {
    await fleet.store.renew(configKey('main', each.sha), each.text)
  }
  // The config at 3 and the one at 2 are the same.
  const sha = other.root.sha
  const previous = [{ ...at(2), sha }, at(1), { ...at(0), sha: 'f'.repeat(64) }]
  const lived = { live: { ...at(3), sha }, candidate: { sha, seq: 3 }, previous }
  for (const seq of [1, 2, 3]) {
    const next = { ...(await fleet.readChannel()), ...lived, seq }
    await swapJson(fleet.store, channelKey('main'), seq - 1, next)
  }
  let nudges = 0
  const restarter = startRestarter(fleet, { nudgePublisher: async () => void (nudges += 1) })
  const api = await listen(makeRestarterApi(restarter, { log, token: undefined }), {
    host: '127.0.0.1',
    port: 0,
  })
  return {
    fleet,
    nudges: () => nudges,
    async send(method: string, body: object) {
      const headers = { 'content-type': 'application/json' }
      const init = { method, headers, body: JSON.stringify(body) }
      const response = await fetch(`${api.url}/v1/undo`, init)
      return { status: response.status, text: await response.text() }
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await restarter.stop()
      await fleet[Symbol.asyncDispose]()
    },
  }
}

const undoIn = async (fleet: Fleet) => (await fleet.readChannel()).undo

test('a person asks for the last config that was another one, or for one by its number', async () => {
  await using lived = await startLived()

  const first = await lived.send('POST', { why: 'worse' })
  const before = await undoIn(lived.fleet)
  const second = await lived.send('POST', { seq: 2, why: 'worse still' })

  expect([first.status, second.status]).toEqual([202, 202])
  expect(before).toEqual({ sha: root.sha, seq: 1, by: 'person', why: 'worse', asked: 4 })
  expect(await undoIn(lived.fleet)).toMatchObject({ seq: 2, asked: 5 })
  await vi.waitUntil(() => lived.nudges() > 0, WAIT)
})

test('it can be withdrawn until it was carried out', async () => {
  await using lived = await startLived()
  await lived.send('POST', { why: 'worse' })

  await lived.send('DELETE', {})

  expect(await undoIn(lived.fleet)).toBeUndefined()
})

test.each([
  [{ seq: 3, why: 'x' }, 409, `config 3 is live now; there are 2 (${AT}), 1 (${AT}), 0 (${AT})`],
  [{ seq: 7, why: 'x' }, 409, 'config 7 is not among the last that were live; there are 2'],
  [{ seq: 0, why: 'x' }, 409, 'config 0 is not in the store any more'],
  [{ seq: 1 }, 400, 'why'],
])('%j is refused with %i', async (body, status, message) => {
  await using lived = await startLived()

  const answer = await lived.send('POST', body)

  expect(answer.status).toBe(status)
  expect(answer.text).toContain(message)
  expect(await undoIn(lived.fleet)).toBeUndefined()
})

test('nothing can be undone before there was a second config', async () => {
  await using fleet = await startFleet(0)
  await using restarter = startRestarter(fleet)

  await expect(restarter.wishes.undo(undefined, 'x')).rejects.toThrow(
    'no other config was live before',
  )
})
