import { Verdict, verdictKey } from '@drover/model-config'
import { readJson } from '@drover/model-store'
import { makeLog } from '@drover/service'
import { encodeTensors, floatTensor, type GoldenRequests } from '@drover/serving-api'
import { tenantOf } from '../facts.fixture.ts'
import { makeRecords } from '../records.ts'
import { type Files, startWorld, type World } from '../world.fixture.ts'
import { type Gate, type GateParts, makeGate } from './gate.ts'

// A gate on a real store; the probe is the test's.

const log = makeLog('test')
log.level = 'silent'

export const id = { tenant: 'acme', model: 'late' }
export const golden = (inputs = { x: floatTensor([1, 2], [1, 2]) }): GoldenRequests => ({
  format: 1,
  requests: [{ signature: 'serving_default', inputs: encodeTensors(inputs) }],
})

export function startGate(world: World, more: Partial<GateParts> & Pick<GateParts, 'probe'>): Gate {
  const { store, workDirectory } = world
  return makeGate({
    store,
    workDirectory,
    log,
    records: makeRecords(more.store ?? store),
    probeMs: 20_000,
    now: Date.now,
    onDue: () => {},
    ...more,
  })
}

export const verdictIn = async ({ store }: World, version = 1, of = id) =>
  await readJson(store, verdictKey(of, version, 1), Verdict)

/** A world with one tenant and one version to judge. */
export async function startWith(
  files: Files,
  more: Parameters<World['commit']>[3] = {},
): Promise<World> {
  const world = await startWorld()
  await world.putTenant(tenantOf('acme'))
  await world.commit(id, 1, files, more)
  return world
}
