import { channelKey } from '@drover/model-config'
import { listen, makeLog } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { makeRestarterApi } from './api.ts'
import { startFleet, startRestarter } from './test-support/fleet.ts'
import type { Note } from './notes.ts'

const WAIT = { timeout: 30_000, interval: 5 }
const log = makeLog('test')
log.level = 'silent'

test('a dry run shows what it would do, does nothing, and takes no wishes', async () => {
  await using fleet = await startFleet(2)
  await fleet.publish(1)
  const before = await fleet.store.readState(channelKey('main'))
  const notes: Note[] = []
  await using restarter = startRestarter(fleet, {
    dryRun: true,
    onNote: (note) => notes.push(note),
  })
  await using api = await listen(makeRestarterApi(restarter, { log, token: undefined }), {
    host: '127.0.0.1',
    port: 0,
  })
  const send = async (method: string, path: string, body: object) => {
    const headers = { 'content-type': 'application/json' }
    return await fetch(`${api.url}${path}`, { method, headers, body: JSON.stringify(body) })
  }

  await vi.waitUntil(() => restarter.status().next?.kind === 'write', WAIT)
  const first = restarter.status().at
  await vi.waitUntil(() => restarter.status().at !== first, WAIT)
  const answers = await Promise.all([
    send('POST', '/v1/restart', { why: 'x' }),
    send('POST', '/v1/freeze', { why: 'x', until: '2100-01-01T00:00:00Z' }),
    send('DELETE', '/v1/freeze', {}),
  ])

  expect(await fleet.store.readState(channelKey('main'))).toEqual(before)
  expect(fleet.agents.flatMap(({ applied }) => applied)).toEqual([])
  expect(restarter.status()).toMatchObject({ dryRun: true, next: { what: 'take' } })
  expect(notes.map(({ what }) => what)).toEqual(['take'])
  expect(answers.map(({ status }) => status)).toEqual([409, 409, 409])
  expect(await answers[0]?.text()).toContain('DROVER_DRY_RUN')
  expect(await fleet.store.list('audit')).toEqual([])
})
