import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type NudgeQueue, openQueue } from '@drover/jobs'
import {
  dataKey,
  digestOfFiles,
  type ModelId,
  sha256,
  TenantSpec,
  versionPrefix,
} from '@drover/model-config'
import {
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  openPosixStore,
  withFaults,
} from '@drover/model-store'
import { makeLog, newTraceparent } from '@drover/service'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { act, type Hands } from './act.ts'
import { makeCommandLane } from './lane.ts'
import { observe, readTenant } from './observe.ts'
import { type Action, plan } from './plan.ts'
import { type Bench, commitsOf, makeCsv, makeSpec, startBench } from './scheduler.fixture.ts'
import { putTenant, type Registry } from './tenants.ts'

// A crash is generated at every call of the store, before and after it did its work: once as an
// answer that was lost, so that the same process goes on, and once as the end of the process, so
// that it can do nothing more. Then the store is healthy, and the loop must end in one version.

const TURNS_MAX = 20
const MOMENTS_MAX = 200

let bench: Bench
let store: ModelStore
let publish: NudgeQueue<{ name: 'publish' }>
beforeAll(async () => {
  bench = await startBench()
  store = await openPosixStore(join(bench.directory, 'store'))
  publish = openQueue({ name: 'publish' }, { url: bench.redis.url })
  await mkdir(join(bench.directory, 'work'))
  await bench.trainer.warm()
})
afterAll(async () => {
  await publish[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

type Commit = Awaited<ReturnType<typeof commitsOf>>[number]
type Mode = 'answer lost' | 'process dead'

interface Fault {
  /** Which of all moments before and after calls. */
  moment: number
  mode: Mode
}

/** The store with a fault, and a count of the moments that passed. */
function spoil(fault: Fault) {
  const passed: string[] = []
  let isDead = false
  const spoilt = withFaults(store, (method, key, when) => {
    const isNow = passed.length === fault.moment
    passed.push(`${when} ${method} ${key}`)
    if (isNow && fault.mode === 'process dead') isDead = true
    if (isNow || isDead) throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, 'test: crash')
  })
  return { spoilt, passed }
}

function makeHands(given: ModelStore): Hands {
  const log = makeLog('test')
  log.level = 'silent'
  const workshop = {
    store: given,
    log,
    now: Date.now,
    borrowTrainer: async <T>(use: (trainer: Bench['trainer']) => Promise<T>) =>
      await use(bench.trainer),
    commands: {},
    workRoot: join(bench.directory, 'work'),
    dataRoot: undefined,
    dataBytesMax: 1_000_000,
    outputBytesMax: 100_000_000,
    trainMsMax: 60_000,
    active: new Map(),
  }
  const lane = makeCommandLane(1, { set: () => {} }, Date.now)
  return { workshop, lane, publish, log, queuedAt: () => undefined }
}

/** Observes, plans and acts until nothing is left to do. */
async function settle(given: ModelStore, model: ModelId): Promise<Action> {
  const hands = makeHands(given)
  const { signal } = new AbortController()
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const observed = await observe(given, model, Date.now())
    const action = plan(observed)
    const next = await act(hands, observed, { action, traceparent: newTraceparent(), signal })
    if (next === 'done') return action
  }
  throw new Error('it does not settle')
}

const registryOf = (given: ModelStore): Registry => ({
  store: given,
  now: Date.now,
  checkModel: async () => {},
})

const SPEC = TenantSpec.parse(makeSpec(sha256(makeCsv())))

async function prepare(tenant: string, text = makeCsv()): Promise<ModelId> {
  const model = { tenant, model: 'late' }
  await store.create(dataKey(model, sha256(text)), text)
  const record = {
    format: 1,
    sha256: sha256(text),
    sizeBytes: text.length,
    at: '2026-11-22T00:00:00Z',
  }
  await store.create(`${dataKey(model, sha256(text))}.json`, JSON.stringify(record))
  const spec = TenantSpec.parse(makeSpec(sha256(text)))
  await putTenant(registryOf(store), tenant, spec, newTraceparent())
  return model
}

async function expectWhole(model: ModelId, manifest: Commit | undefined): Promise<void> {
  expect(manifest?.digest).toBe(digestOfFiles(manifest?.files ?? []))
  for (const file of manifest?.files ?? []) {
    const key = `${versionPrefix(model, manifest?.version ?? 0)}/${file.path}`
    expect(sha256((await store.read(key)) ?? '')).toBe(file.sha256)
  }
}

/** Tries with a fault at one moment after the other, until one is past the end. */
async function atEachMoment(
  mode: Mode,
  attempt: (
    given: ModelStore,
    moment: number,
  ) => Promise<(where: string | undefined) => Promise<void>>,
): Promise<number> {
  for (let moment = 0; moment < MOMENTS_MAX; moment++) {
    const { spoilt, passed } = spoil({ moment, mode })
    const check = await attempt(spoilt, moment)
    await check(passed[moment])
    if (passed[moment] === undefined) return moment
  }
  throw new Error('it does not end')
}

describe.each<Mode>(['answer lost', 'process dead'])('with a crash at any call: %s', (mode) => {
  const prefix = mode.replace(' ', '-')

  test('a training ends in exactly one whole version of its request', async () => {
    const moments = await atEachMoment(mode, async (spoilt, moment) => {
      const model = await prepare(`${prefix}-${moment}`)
      const first = await settle(spoilt, model).catch((error: unknown) => error)
      const last = await settle(store, model)

      return async (where) => {
        expect(first instanceof ModelStoreError, where).toBe(where !== undefined)
        const commits = await commitsOf(store, model)
        expect(last, where).toMatchObject({ kind: 'publish' })
        expect(commits.length, where).toBe(1)
        await expectWhole(model, commits[0])
      }
    })

    expect(moments).toBeGreaterThan(25)
  })

  test('a run on bad data ends with its record, and leaves no claim open', async () => {
    const moments = await atEachMoment(mode, async (spoilt, moment) => {
      const model = await prepare(`bad-${prefix}-${moment}`, 'size,kind\n')
      await settle(spoilt, model).catch(() => {})
      const last = await settle(store, model)

      return async (where) => {
        const { versions } = await observe(store, model, Date.now())
        const open = versions.filter(({ manifest }) => manifest === undefined)
        expect(last, where).toMatchObject({ kind: 'nothing', reason: 'data' })
        expect(open, where).toEqual([])
        expect(versions.length, where).toBeLessThanOrEqual(2)
      }
    })

    expect(moments).toBeGreaterThan(15)
  })

  test('a spec is there after it was put again, and was changed once', async () => {
    const moments = await atEachMoment(mode, async (spoilt, moment) => {
      const tenant = `put-${prefix}-${moment}`
      const first = await putTenant(registryOf(spoilt), tenant, SPEC, newTraceparent()).catch(
        () => undefined,
      )
      const there = await readTenant(store, tenant)
      await putTenant(registryOf(store), tenant, SPEC, newTraceparent())

      return async (where) => {
        const last = await readTenant(store, tenant)
        expect(first === undefined, where).toBe(where !== undefined)
        expect(first === undefined || there !== undefined, where).toBe(true)
        expect(last, where).toMatchObject({ seq: 1, generation: 1, spec: SPEC })
      }
    })

    expect(moments).toBeGreaterThan(6)
  })
})
