import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mapBounded } from '@drover/basics'
import { startProbe } from '@drover/inference'
import { CommittedManifest, madePrefix, sha256 } from '@drover/model-config'
import { requireJson, withFaults } from '@drover/model-store'
import { afterAll, describe, expect, test } from 'vitest'
import { tenantOf } from '../facts.fixture.ts'
import { linearModel, slowModel } from '../models.fixture.ts'
import { filesOf, type World } from '../world.fixture.ts'
import type { GateParts } from './gate.ts'
import { golden, id, startGate, startWith, verdictIn } from './gate.fixture.ts'

const WORLDS_AT_ONCE = 8
const GOOD_MS_MAX = 30_000
const probe = startProbe()
afterAll(async () => await probe[Symbol.asyncDispose]())

test('a version that hangs is tried again, and fails the third time if others were judged', async () => {
  await using world = await startWith(filesOf(slowModel(), golden()))
  await world.putTenant(tenantOf('bosch'))
  await world.commit({ ...id, tenant: 'bosch' }, 1, filesOf(linearModel(), golden()))
  let now = Date.now()
  // The model takes minutes, so any limit finds it; the good one is given all the time it needs.
  let timeoutMs = 500
  const gate = startGate(world, {
    probe: { check: async (check) => await probe.check({ ...check, timeoutMs }) },
    now: () => now,
  })

  for (let turn = 0; turn < 3; turn++) {
    expect(await gate.look(id)).toBe(false)
    now += 600_000
  }
  expect(await verdictIn(world)).toBeUndefined()
  timeoutMs = GOOD_MS_MAX
  expect(await gate.look({ ...id, tenant: 'bosch' })).toBe(true)
  await gate.look(id)

  gate.close()
  const verdict = await verdictIn(world)
  expect(verdict).toMatchObject({ pass: false })
  expect(verdict?.reason).toMatch(/^it crashed the gate 3 times: tensorflow: /)
})

describe('an engine that never ends is done without', () => {
  /** A probe whose one engine is given another model to load, which takes it minutes. */
  async function stuckIn({ workDirectory }: World, engine: string, model: Uint8Array) {
    const directory = join(workDirectory, 'stuck')
    await mkdir(directory)
    await writeFile(join(directory, 'saved_model.pb'), model)
    const check: GateParts['probe']['check'] = async (asked) =>
      await probe.check(asked.engine === engine ? { ...asked, directory, timeoutMs: 500 } : asked)
    return { check }
  }

  test.each([
    ['tensorflow', slowModel, 'kernel', /^not compared: TensorFlow does not answer within /],
    [
      'fast',
      // One that took even longer would be refused before it ran.
      () => slowModel(1_500),
      'tensorflow',
      /^served by TensorFlow: the process of the fast engine ended/,
    ],
  ] as const)('%s', async (stuck, model, engine, reason) => {
    await using world = await startWith(filesOf(linearModel(), golden()))
    let now = 0
    const gate = startGate(world, {
      probe: await stuckIn(world, stuck, model()),
      now: () => now,
    })

    while (!(await gate.look(id))) now += 600_000

    gate.close()
    const verdict = await verdictIn(world)
    expect(verdict).toMatchObject({ pass: true, engine })
    expect(verdict?.checks.find(({ name }) => name === 'engines')?.reason).toMatch(reason)
    expect(verdict?.files.map(({ path }) => path)).toContain('golden.json')
  })
})

test('a fault of the probe gives no verdict, and the version is looked at again', async () => {
  await using world = await startWith(filesOf(linearModel(), golden()))
  const closed = startProbe({ warm: [] })
  await closed[Symbol.asyncDispose]()
  let now = 0
  const due: object[] = []
  const [broken, working] = [closed, probe]
  let current = broken
  const gate = startGate(world, {
    probe: { check: async (check) => await current.check(check) },
    now: () => now,
    onDue: (which) => void due.push(which),
  })

  await gate.look(id)
  expect(await verdictIn(world)).toBeUndefined()
  const { digest } = await requireJson(
    world.store,
    'models/acme/late/1/MANIFEST.json',
    CommittedManifest,
  )
  expect(gate.troubleOf(digest)).toMatchObject({ crashes: 0, reason: 'the probe is closed' })
  current = working
  now += 1_000
  await gate.look(id)

  gate.close()
  expect((await verdictIn(world))?.pass).toBe(true)
})

test('an aborted version, and one of an earlier owner, are not judged', async () => {
  await using world = await startWith(filesOf(linearModel()))
  await world.putTenant(tenantOf('acme', ['late'], { models: { late: { born: 2 } } }))

  expect(await startGate(world, { probe }).look(id)).toBe(false)
})

test('two gates at once leave one verdict that names what is there', async () => {
  await using world = await startWith(filesOf(linearModel(), golden()))

  await Promise.all([startGate(world, { probe }).look(id), startGate(world, { probe }).look(id)])

  const verdict = await verdictIn(world)
  const content = await world.store.read(`${madePrefix(id, 1, 1)}/golden.json`)
  expect(verdict?.files.find(({ path }) => path === 'golden.json')?.sha256).toBe(
    sha256(content ?? ''),
  )
})

test('a gate that dies at any call of the store is followed by one that judges', async () => {
  const files = filesOf(linearModel(), golden())
  const dieAt = async (deadAt: number) => {
    await using world = await startWith(files)
    let calls = 0
    const store = withFaults(world.store, () => {
      if (calls++ >= deadAt) throw new Error('the process died')
    })
    const dying = startGate(world, { probe, store })
    await dying.look(id).catch(() => {})
    dying.close()
    await startGate(world, { probe }).look(id)
    const verdict = await verdictIn(world)
    const content = await world.store.read(`${madePrefix(id, 1, 1)}/golden.json`)
    const [file] = verdict?.files ?? []
    return { calls, pass: verdict?.pass, isWhole: file?.sha256 === sha256(content ?? '') }
  }
  const { calls } = await dieAt(Infinity)
  const places = Array.from({ length: calls }, (_, at) => at)

  const outcomes = await mapBounded(places, WORLDS_AT_ONCE, dieAt)

  expect(calls).toBeGreaterThan(20)
  for (const [at, outcome] of outcomes.entries()) {
    expect(outcome, `dead at call ${at}`).toMatchObject({ pass: true, isWhole: true })
  }
})
