import { listen, makeApi, makeLog } from '@drover/service'
import { expect, test } from 'vitest'
import { contextOf } from './context.fixture.ts'
import { releaseFleetCommand, rollbackFleetCommand } from './fleet.ts'

const log = makeLog('test')
log.level = 'silent'

const isReady = () => ({ ready: true })

/** A restarter that has an undo asked for at seq 9, and whose `live` is next on the list at each look. */
async function startRestarter(lives: number[]) {
  const bodies: unknown[] = []
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.post('/v1/undo', (request, response) => {
      bodies.push(request.body)
      response.status(202).json({ seq: 4, sha: 'a', asked: 9 })
    })
    routes.post('/v1/fleets/main/release', (request, response) => {
      bodies.push(request.body)
      response.json({ released: ['bolt.late'] })
    })
    routes.get('/v1/status', (_request, response) => {
      const seq = lives.shift() ?? 0
      const live = { sha: 'a', seq, at: '2026-01-01T00:00:00Z' }
      const why = `live is ${seq}`
      response.json({
        fleet: 'main',
        why,
        channel: { live },
        deployment: null,
        servers: [],
        decisions: [],
      })
    })
  })
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  return { ...listening, ...contextOf(url), bodies }
}

test('it waits until a config above the one that asked is live', async () => {
  await using fleet = await startRestarter([8, 9, 11])

  await rollbackFleetCommand(fleet.context, { fleet: true, wait: true, timeout: 30 })

  expect(fleet.bodies).toEqual([{ why: 'drover rollback --fleet' }])
  expect(fleet.lines.slice(0, 2)).toEqual(['live is 8', 'live is 9'])
  expect(fleet.lines.at(-1)).toContain('"live":11')
})

test('a config may be named, and nothing need be waited for', async () => {
  await using fleet = await startRestarter([])

  await rollbackFleetCommand(fleet.context, { fleet: 4, why: 'worse', wait: false, timeout: 30 })

  expect(fleet.bodies).toEqual([{ seq: 4, why: 'worse' }])
})

test('a fleet that does not get there in time says what it waits for', async () => {
  await using fleet = await startRestarter([])
  const options = { fleet: true as const, wait: true, timeout: 0.3 }

  await expect(rollbackFleetCommand(fleet.context, options)).rejects.toThrow('live is 0')
})

test.each([
  ['newcomers', { which: 'newcomers', why: 'drover release --newcomers' }],
  ['all', { which: 'all', why: 'drover release --fleet' }],
] as const)(
  '%s of what a rollback pinned is released in the fleet of the restarter',
  async (which, body) => {
    await using fleet = await startRestarter([])

    await releaseFleetCommand(fleet.context, which, { wait: false, timeout: 30 })

    expect(fleet.bodies).toEqual([body])
    expect(fleet.lines.at(-1)).toContain('bolt.late')
  },
)
