import { listen, makeApi, makeLog } from '@drover/service'
import type { FleetStatus, PublisherTenant } from '../views.ts'
import { contextOf } from './context.fixture.ts'

const log = makeLog('test')
log.level = 'silent'
const isReady = () => ({ ready: true })

const at = '2026-01-01T00:00:00.000Z'
const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
/** A version that passed, as the publisher tells it. */
export const passed = (version: number) => ({
  version,
  at,
  queuedAt: at,
  startedAt: at,
  traceparent,
  verdict: { pass: true, reason: 'good', by: 'gate', at },
})
const trainer = {
  tenant: 'acme',
  tombstone: false,
  generation: 1,
  changedAt: at,
  traceparent,
  spec: { fleet: 'main', models: { late: { recipe: { name: 'push' } } } },
  models: { late: { due: false, running: false, newest: { version: 3, at } } },
}

/**
 * Scheduler, publisher and restarter of one tenant `acme` with a model `late`, at one address. `fleets`:
 * what the restarter says, one after the other, and the last for ever.
 */
export async function startDrover(
  fleets: FleetStatus | readonly FleetStatus[],
  publisher: PublisherTenant,
  records: object[] = [],
) {
  const configs: unknown[] = []
  const left = [fleets].flat()
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.get('/v1/status', (_request, response) => {
      response.json(left.length > 1 ? left.shift() : left[0])
    })
    routes.get('/v1/tenants', (_request, response) => {
      response.json({ tenants: [{ tenant: 'acme', tombstone: false }] })
    })
    routes.get('/v1/audit', (_request, response) => {
      response.json({ records, isMore: false, unreadable: [] })
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
