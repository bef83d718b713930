import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StoreMethod, withFaults } from './faults.ts'
import type { ModelStore } from './store.ts'

// The store against the simplest thing that keeps the same promises: maps in memory. Calls fail
// before or after their work at random; after such a call the model asks the store what came of it.

const OBJECTS = ['a/x', 'a/y.json', 'b/c/z', 'top']
const STATES = ['a/s.json', 'b/s.json']
const RUNS = 60
const LOST = new Error('lost')

interface Model {
  objects: Map<string, string>
  states: Map<string, { seq: number; content: string }>
}

const content = fc.constantFrom('one', 'two', 'three')
const Step = fc.record({
  fault: fc.option(fc.constantFrom<'before' | 'after'>('before', 'after'), { freq: 5 }),
  call: fc.oneof(
    fc.record({ do: fc.constant('create' as const), key: fc.constantFrom(...OBJECTS), content }),
    fc.record({ do: fc.constant('file' as const), key: fc.constantFrom(...OBJECTS), content }),
    fc.record({ do: fc.constant('renew' as const), key: fc.constantFrom(...OBJECTS), content }),
    fc.record({
      do: fc.constant('swap' as const),
      key: fc.constantFrom(...STATES),
      content,
      /** How far the seq that it starts from is off; undefined: as if it had read nothing. */
      off: fc.option(fc.integer({ min: -1, max: 1 }), { nil: undefined, freq: 4 }),
    }),
  ),
})
type Call = (typeof Step extends fc.Arbitrary<infer T> ? T : never)['call']

const writes = new Set<StoreMethod>(['create', 'createFile', 'renew', 'swap'])

/** What the call should answer, and what it should do to the model. */
function expected({ objects, states }: Model, call: Call) {
  if (call.do === 'swap') {
    const state = states.get(call.key)
    if (fromOf(state?.seq, call.off) !== state?.seq) return { answer: false }
    const next = { seq: state === undefined ? 1 : state.seq + 1, content: call.content }
    return { answer: true, apply: () => void states.set(call.key, next) }
  }
  const present = objects.get(call.key)
  const isRenewal = call.do === 'renew'
  if (present === undefined) {
    const apply = () => void objects.set(call.key, call.content)
    return { answer: isRenewal ? 'renewed' : true, apply }
  }
  if (!isRenewal) return { answer: false }
  return { answer: present === call.content ? 'renewed' : 'CORRUPT' }
}

const fromOf = (seq: number | undefined, off: number | undefined): number | undefined => {
  if (off === undefined) return undefined
  return seq === undefined ? Math.abs(off) : Math.max(0, seq + off)
}

async function carryOut(store: ModelStore, model: Model, call: Call, file: string) {
  switch (call.do) {
    case 'create':
      return await store.create(call.key, call.content)
    case 'file':
      await writeFile(file, call.content)
      return (await store.createFile(call.key, file)).created
    case 'renew':
      await store.renew(call.key, call.content)
      return 'renewed'
    case 'swap': {
      const from = fromOf(model.states.get(call.key)?.seq, call.off)
      return await store.swap(call.key, { from, first: 1, content: call.content })
    }
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : error

async function expectSame(store: ModelStore, { objects, states }: Model): Promise<void> {
  for (const key of OBJECTS) {
    const found = await store.read(key)
    expect(found && Buffer.from(found).toString(), key).toBe(objects.get(key))
  }
  for (const key of STATES) {
    const found = await store.readState(key)
    const state = found && { seq: found.seq, content: Buffer.from(found.content).toString() }
    expect(state, key).toEqual(states.get(key))
  }
  for (const prefix of ['', 'a', 'b', 'b/c']) {
    const under = prefix === '' ? '' : `${prefix}/`
    const names = [...objects.keys(), ...states.keys()]
      .filter((key) => key.startsWith(under))
      .map((key) => key.slice(under.length).split('/')[0] ?? '')
    expect(await store.list(prefix), prefix).toEqual([...new Set(names)].toSorted())
    if (prefix === '') continue
    const below = [...objects.keys(), ...states.keys()].filter((key) => key.startsWith(under))
    const rests = below.map((key) => key.slice(under.length)).toSorted()
    expect(await store.listDeep(prefix), prefix).toEqual(rests)
  }
}

/** The property, for whoever can open empty stores. */
export function describeModel(open: () => Promise<ModelStore>): void {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-model-'))
  })

  afterAll(async () => await rm(folder, { recursive: true }))

  test('the store keeps the same promises as maps in memory, whatever fails in between', async () => {
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(Step, { maxLength: 25 }), async (steps) => {
        const file = join(folder, String(runs++))
        let fault: 'before' | 'after' | null = null
        await using real = await open()
        const store = withFaults(real, (method, _key, when) => {
          if (writes.has(method) && when === fault) throw LOST
        })
        const model: Model = { objects: new Map(), states: new Map() }

        for (const step of steps) {
          ;({ fault } = step)
          const { answer, apply } = expected(model, step.call)
          const given = await carryOut(store, model, step.call, file).catch(codeOf)
          fault = null
          // A call that fails by itself keeps its own failure.
          const isLost = step.fault !== null && answer !== 'CORRUPT'
          expect(given).toBe(isLost || step.fault === 'before' ? LOST : answer)
          if (step.fault !== 'before') apply?.()
        }

        await expectSame(real, model)
      }),
      { numRuns: RUNS },
    )
  })
}
