import { listen, makeApi, makeLog } from '@drover/service'
import { expect, test } from 'vitest'
import { fleetOf, published, serverOn, shaOf, silentServer } from '../servers.fixture.ts'
import type { FleetStatus, PublisherTenant } from '../views.ts'
import { contextOf } from './context.fixture.ts'
import { statusCommand } from './status.ts'

const log = makeLog('test')
log.level = 'silent'
const isReady = () => ({ ready: true })

const at = '2026-01-01T00:00:00.000Z'
const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const versions = [
  {
    version: 3,
    at,
    queuedAt: at,
    startedAt: at,
    traceparent,
    verdict: { pass: true, reason: 'good', by: 'gate', at },
  },
]
const trainer = {
  tenant: 'acme',
  tombstone: false,
  generation: 1,
  changedAt: at,
  traceparent,
  spec: { fleet: 'main', models: { late: { recipe: { name: 'push' } } } },
  models: { late: { due: false, running: false, newest: { version: 3, at } } },
}

/** Scheduler, publisher and restarter of one tenant, at one address. */
async function startDrover(fleet: FleetStatus, publisher: PublisherTenant) {
  const configs: unknown[] = []
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.get('/v1/status', (_request, response) => {
      response.json(fleet)
    })
    routes.get('/v1/tenants', (_request, response) => {
      response.json({ tenants: [{ tenant: 'acme', tombstone: false }] })
    })
    routes.get('/v1/tenants/acme', (request, response) => {
      if (request.query['configs'] !== undefined) configs.push(request.query['configs'])
      response.json({ ...trainer, ...publisher, models: merged(publisher) })
    })
  })
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  return { ...listening, ...contextOf(url), configs }
}

/** Both apps answer at one path here, and each reader takes its own fields. */
const merged = ({ models }: PublisherTenant) => ({
  late: { ...trainer.models.late, ...models['late'] },
})

test('a pod that never answered is shown as such, and is no server that could serve', async () => {
  const fleet = fleetOf([serverOn({ sha: shaOf(1), seq: 10 }), silentServer])
  await using drover = await startDrover(fleet, published({ versions }))

  await statusCommand(drover.context, undefined)

  expect(drover.configs).toEqual([shaOf(1)])
  expect(drover.text()).toEqual([
    'acme.late      served         version 3 on 1 of 1 servers (1 more does not answer)',
    '',
    'server         ready          config 10',
    'http://silent  not answering',
    '',
    'all is done',
  ])
})

test('a model that the config of every server leaves out is not served', async () => {
  const fleet = fleetOf([serverOn({ sha: shaOf(2), seq: 12 })])
  await using drover = await startDrover(fleet, published({ versions }))

  await statusCommand(drover.context, 'acme')

  expect(drover.text()[0]).toContain('published')
})
