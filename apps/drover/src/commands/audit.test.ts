import { listen, makeApi, makeLog } from '@drover/service'
import { expect, test } from 'vitest'
import { runCli } from '../cli.ts'
import { readConfig } from '../config.ts'
import { auditCommand } from './audit.ts'
import { contextOf } from './context.fixture.ts'

const log = makeLog('test')
log.level = 'silent'

const isReady = () => ({ ready: true })

const at = '2026-01-01T00:00:00.000Z'
const RECORDS = [
  { format: 1, object: 'tenants/acme.json', seq: 1, by: 'api', what: 'put', at },
  { format: 1, object: 'controls/acme.json', seq: 1, by: 'jo', what: 'rollback', why: 'slow', at },
  { format: 1, object: 'fleets/main/channel.json', seq: 7, by: 'person', what: 'freeze', at },
]

/** A publisher with an audit, which notes what it is asked. */
async function startPublisher(records: object[] = RECORDS, isMore = false) {
  const asked: unknown[] = []
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.get('/v1/audit', (request, response) => {
      asked.push(request.query)
      response.json({ records, isMore, unreadable: [] })
    })
  })
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  return { ...listening, ...contextOf(url), asked }
}

test('the audit says when, who, what and why, a record a line', async () => {
  await using fleet = await startPublisher()

  await auditCommand(fleet.context, undefined, {})

  expect(fleet.asked).toEqual([{}])
  expect(fleet.text()).toEqual([
    `${at}  api     tenant acme   put`,
    `${at}  jo      pins of acme  rollback: slow`,
    `${at}  person  fleet main    freeze`,
  ])
})

test('a tenant, a fleet and a bound are asked for', async () => {
  await using fleet = await startPublisher()

  await auditCommand(fleet.context, 'acme', { limit: 7 })
  await auditCommand(fleet.context, undefined, { fleet: 'main' })

  expect(fleet.asked).toEqual([{ tenant: 'acme', limit: '7' }, { fleet: 'main' }])
})

test('it says where there may be more, and where there is nothing', async () => {
  await using more = await startPublisher(RECORDS, true)
  await using none = await startPublisher([])

  await auditCommand(more.context, undefined, {})
  await auditCommand(none.context, 'acme', {})

  expect(more.text()[0]).toContain('--limit')
  expect(none.text()).toEqual(['nothing is on record'])
})

test('the command line has it, and knows one of tenant and fleet at a time', async () => {
  const config = readConfig({ DROVER_HOME: '/nowhere' })

  expect(await runCli(config, ['audit', '--help'])).toBe(0)
  expect(await runCli(config, ['audit', 'acme', '--fleet', 'main'])).toBe(2)
})
