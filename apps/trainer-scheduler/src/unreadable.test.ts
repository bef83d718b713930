import { changeKey, manifestKey, TenantSpec, tenantKey, tenantsPrefix } from '@drover/model-config'
import { type ModelStore, ModelStoreError, withFaults } from '@drover/model-store'
import { newTraceparent } from '@drover/service'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  type Bench,
  commitsOf,
  makeCsv,
  makeSpec,
  type Rig,
  startBench,
  startRig,
  viewOf,
} from './scheduler.fixture.ts'
import { putTenant } from './tenants.ts'

// One broken object in the store is the trouble of its own tenant and of nobody else.

const WAIT = { timeout: 20_000, interval: 10 }
const SCAN_MS = 50
const AT_ONCE = 8
const LATE = { tenant: 'acme', model: 'late' }

const fails = { argv: [process.execPath, '-e', 'process.exit(1)', '--'], timeoutMs: 5_000 }

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.trainer.warm()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

const cannotList = (store: ModelStore): ModelStore =>
  withFaults(store, (method, key) => {
    if (method === 'list' && key === tenantsPrefix) {
      throw new ModelStoreError('UNAVAILABLE', 'test: away')
    }
  })

async function breakTenant(store: ModelStore, name = 'badt'): Promise<void> {
  await store.swap(tenantKey(name), { from: undefined, first: 1, content: 'garbage' })
}

/** Declares a tenant as another process does, which cannot nudge this one. */
async function declare(rig: Rig, tenant: string, upload: string): Promise<void> {
  const registry = { store: rig.store, now: Date.now, checkModel: async () => {} }
  await putTenant(registry, tenant, TenantSpec.parse(makeSpec(upload)), newTraceparent())
}

test('retries and the scan of changes go on for everybody else', async () => {
  const options = { name: 'scans', scanMs: SCAN_MS, commands: { fails } }
  {
    await using before = await startRig(bench, options)
    // As many as a scan reads at once, and the first of all by name.
    for (let n = 1; n <= AT_ONCE; n++) await breakTenant(before.store, `a${n}`)
    await before.store.create(changeKey(new Date(), 'broken'), 'garbage')
  }
  await using rig = await startRig(bench, options)
  const upload = await rig.upload('poor/late', makeCsv())
  const late = { recipe: { name: 'command', command: 'fails' }, data: { upload } }
  await rig.call('PUT', '/v1/tenants/poor', { models: { late } })
  await declare(rig, 'acme', await rig.upload('acme/late', makeCsv()))

  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 1, WAIT)
  // Its third try comes after a pause.
  const isQuarantined = async () => (await viewOf(rig, 'poor')).quarantined
  expect(await vi.waitUntil(isQuarantined, WAIT)).toBe(true)
})

test('retries go on when a scan cannot', async () => {
  await using rig = await startRig(bench, { name: 'away', commands: { fails }, wrap: cannotList })
  const upload = await rig.upload('poor/late', makeCsv())
  const late = { recipe: { name: 'command', command: 'fails' }, data: { upload } }
  await rig.call('PUT', '/v1/tenants/poor', { models: { late } })

  const isQuarantined = async () => (await viewOf(rig, 'poor')).quarantined
  expect(await vi.waitUntil(isQuarantined, WAIT)).toBe(true)
})

test('the API shows everything else, and names the object', async () => {
  await using rig = await startRig(bench, { name: 'api' })
  const upload = await rig.upload('lax/late', makeCsv())
  const { late } = TenantSpec.parse(makeSpec(upload)).models
  await rig.store.create(manifestKey({ tenant: 'lax', model: 'eta' }, 1), 'garbage')
  await rig.upload('lax/eta', makeCsv())
  await rig.call('PUT', '/v1/tenants/lax', { models: { late, eta: late } })
  await breakTenant(rig.store)

  const list = await rig.call('GET', '/v1/tenants')
  const lax = await rig.call('GET', '/v1/tenants/lax')
  const broken = await rig.call('GET', '/v1/tenants/badt')

  const error = expect.stringContaining('tenants/badt.json')
  expect(list).toMatchObject({
    status: 200,
    body: { tenants: [{ tenant: 'lax' }], unreadable: [{ tenant: 'badt', error }] },
  })
  const key = expect.stringContaining('models/lax/eta/1/MANIFEST.json')
  expect(lax).toMatchObject({
    status: 200,
    body: { models: { eta: { due: false, why: key, error: key }, late: { born: 1 } } },
  })
  expect(lax.body).not.toHaveProperty('models.late.error')
  expect(broken).toEqual({ status: 500, body: { error } })
})
