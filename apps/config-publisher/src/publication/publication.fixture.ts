import { type ModelStore } from '@drover/model-store'
import { makeLog } from '@drover/service'
import { tenantOf } from '../facts.fixture.ts'
import { makeRecords } from '../records.ts'
import { startWorld, type World } from '../world.fixture.ts'
import { makePublication } from './publication.ts'

export const log = makeLog('test')
log.level = 'silent'

export function startPublication(store: ModelStore, nudges: string[] = []) {
  return makePublication({
    store,
    log,
    fleet: 'main',
    now: Date.now,
    records: makeRecords(store),
    nudgeRollout: async (fleet) => void nudges.push(fleet),
  })
}

export const id = (tenant: string) => ({ tenant, model: 'late' })

/** A world with these tenants, each with a version that passed. */
export async function startWith(...tenants: string[]): Promise<World> {
  const world = await startWorld()
  for (const tenant of tenants) {
    await world.putTenant(tenantOf(tenant))
    await world.addJudged(id(tenant), 1)
  }
  return world
}
