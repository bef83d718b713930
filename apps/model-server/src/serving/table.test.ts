import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Engines, type LoadedModel, startEngines } from '@drover/inference'
import { floatTensor, type Tensor } from '@drover/serving-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { halfPlus, inverse, writeVersion } from '../test-support/saved-models.ts'
import type { ServedMessage, ServedVersionMessage } from './messages.ts'
import { Table } from './table.ts'

const LIMITS = { waitingMax: 2 }
const NEVER = 3_600_000

let folder: string
let engines: Engines
/** y = 0.5 x + 1 and y = 0.5 x + 2 by kernels, and one that runs in another process. */
let loads: LoadedModel[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-table-'))
  engines = startEngines({})
  const files = [halfPlus(1), halfPlus(2), inverse()]
  for (const [index, bytes] of files.entries()) await writeVersion(folder, index + 1, bytes)
  loads = await Promise.all(
    files.map(async (_, index) => await engines.load(join(folder, `${index + 1}`))),
  )
})

afterAll(async () => {
  await engines[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const told = (load: number, version = BigInt(load)): ServedVersionMessage => {
  const model = loads[load - 1]
  if (model === undefined) throw new Error('no such load')
  return { load, version, servable: model.share().message, batching: undefined }
}

const served = (
  versions: readonly ServedVersionMessage[],
  labels: Record<string, bigint> = {},
): ServedMessage => ({ name: 'm', versions, labels: new Map(Object.entries(labels)) })

const makeTable = (warm: () => Promise<void> = async () => {}): Table =>
  new Table({ ...LIMITS, warm })

const x = { x: floatTensor([2]) }
const ask = async (table: Table, choice = {}, inputs: Record<string, Tensor> = x) =>
  await table.run(await table.find({ name: 'm', ...choice }), {
    signature: 'serving_default',
    inputs,
    deadlineMs: performance.now() + NEVER,
  })

describe('a table', () => {
  test('answers for the highest version, for one by its number and one by its label', async () => {
    const table = makeTable()
    table.serve(served([told(1), told(2)], { stable: 1n }))
    expect(await ask(table)).toEqual({ y: floatTensor([3]) })
    expect(await ask(table, { version: 1n })).toEqual({ y: floatTensor([2]) })
    expect(await ask(table, { label: 'stable' })).toEqual({ y: floatTensor([2]) })
  })

  test.each([
    [{ name: 'none' }, 'NOT_FOUND', 'Servable not found for request: Latest(none)'],
    [{ name: 'm', version: 9n }, 'NOT_FOUND', 'Servable not found for request: Specific(m, 9)'],
    [{ name: 'm', label: 'no' }, 'INVALID_ARGUMENT', 'Unrecognized servable version label: no'],
  ])('finds nothing for %o', (choice, code, message) => {
    const table = makeTable()
    table.serve(served([told(1)]))
    expect(() => table.find(choice)).toThrowError(expect.objectContaining({ code, message }))
  })

  test('answers nothing in place of a version that was found and has left since', async () => {
    const table = makeTable()
    table.serve(served([told(1)]))
    const found = await table.find({ name: 'm' })
    table.serve(served([told(2)]))
    await table.release(1)
    const call = { signature: 'serving_default', inputs: x, deadlineMs: performance.now() + NEVER }
    expect(() => table.run(found, call)).toThrowError(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: 'Servable not found for request: Specific(m, 1)',
      }),
    )
  })

  test('answers by the same version where it was loaded anew since it was found', async () => {
    const table = makeTable()
    table.serve(served([told(1)]))
    const found = await table.find({ name: 'm' })
    table.serve(served([told(2, 1n)]))
    await table.release(1)
    const call = { signature: 'serving_default', inputs: x, deadlineMs: performance.now() + NEVER }
    expect(await table.run(found, call)).toEqual({ y: floatTensor([3]) })
  })

  test('says behind the words of an engine what shape the signature wants', async () => {
    const table = makeTable()
    const load = told(3)
    const { servable } = load
    assert(typeof servable !== 'string' && servable.engine !== 'kernel')
    const { serving_default } = servable.signatures
    assert(serving_default)
    const inputs = { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, -1] } } as const
    const signatures = { serving_default: { ...serving_default, inputs } }
    table.serve(served([{ ...load, servable: { ...servable, signatures } }]))

    await expect(ask(table, {}, { x: floatTensor([1, 2]) })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /\S \(the input x has the shape \[2\], and the signature says \[-1, -1\]\)$/,
      ),
    })
  })

  test('counts requests that wait for their turn like those that run', () => {
    const table = makeTable()
    table.serve(served([told(1)]))
    const call = { signature: 'serving_default', inputs: x, deadlineMs: performance.now() + NEVER }
    const found = table.find({ name: 'm' })
    assert(!(found instanceof Promise))
    const run = () => table.run(found, call)
    const [first] = [table.wait('m'), table.wait('m')]

    const full = expect.objectContaining({ code: 'UNAVAILABLE' })
    expect(() => table.wait('m')).toThrowError(full)
    expect(run).toThrowError(full)
    first()
    expect(run()).toEqual({ y: floatTensor([2]) })
    expect(() => table.wait('nobody')).not.toThrow()
  })

  test('releases a load when its last request has been answered', async () => {
    const table = makeTable()
    table.serve(served([told(3)]))
    const matrix = { x: floatTensor([2, 0, 0, 2], [2, 2]) }
    const call = {
      signature: 'serving_default',
      inputs: matrix,
      deadlineMs: performance.now() + NEVER,
    }
    const running = Promise.resolve(table.run(await table.find({ name: 'm' }), call))
    table.serve(served([]))
    const events: string[] = []
    await Promise.all([
      running.then(() => events.push('answered')),
      table.release(3).then(() => events.push('released')),
    ])
    expect(events).toEqual(['answered', 'released'])
    expect(() => table.find({ name: 'm' })).toThrowError('Servable not found')
  })

  test('refuses more requests of a model than may wait', async () => {
    const table = makeTable()
    table.serve(served([told(3)]))
    const matrix = { x: floatTensor([2, 0, 0, 2], [2, 2]) }
    const results = await Promise.allSettled(
      [1, 2, 3].map(async () => await ask(table, {}, matrix)),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(results[2]).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
  })

  test('has a cold version loaded once it is asked for', async () => {
    const table: Table = makeTable(
      async () => await Promise.resolve(table.serve(served([told(1)]))),
    )
    table.serve(served([{ load: 0, version: 1n, servable: 'cold', batching: undefined }]))
    expect(await ask(table)).toEqual({ y: floatTensor([2]) })
  })
})
