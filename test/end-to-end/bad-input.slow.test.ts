import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Audit, Quality, Tenant } from '@drover/model-config'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type App, type Call, call, getTenant, putTenant } from '../support/call.ts'
import { type LocalDrover, startLocalDrover } from '../support/local.ts'
import {
  onboardLate,
  settle,
  startNeighbour,
  uploadRows,
  waitUntilServed,
  writeRows,
} from '../support/models.ts'
import { FLIGHTS, makeCsv, makeRows } from '../support/rows.ts'

const TEST_MS_MAX = 120_000
const MIB = 1024 * 1024

let drover: LocalDrover
/** Another tenant, which must be answered whatever anybody sends. */
let expectNeighbourAnswered: () => Promise<void>

beforeAll(async () => {
  drover = await startLocalDrover()
  expectNeighbourAnswered = await startNeighbour(drover)
}, TEST_MS_MAX)

afterAll(async () => await drover[Symbol.asyncDispose]())

const refusal = (status: number, text: string) => ({
  status,
  body: { error: expect.stringContaining(text) },
})

/** A spec of one model, on data that is not there. */
const late = (recipe: object) => ({ models: { late: { recipe, data: { file: 'x' } } } })

describe('what cannot be is refused at once, by the field that is wrong', () => {
  test.each([
    ['an unknown recipe', late({ name: 'magic' }), 'models.late.recipe.name'],
    [
      'an unknown kind of column',
      late({ ...FLIGHTS, columns: { hour: { type: 'colour' } } }),
      'models.late.recipe.columns.hour.type',
    ],
    [
      'the label among the columns',
      late({ ...FLIGHTS, columns: { late: { type: 'category' } } }),
      'models.late.recipe.columns.late: it is the label',
    ],
    ['a file that is not there', late(FLIGHTS), 'models.late.data.file: x does not exist'],
    ['a model called Late', { models: { Late: {} } }, 'models.Late: a name is 1 to 63 of a-z'],
    ['a fleet called a/b', { fleet: 'a/b', models: {} }, 'fleet: a name is 1 to 63 of a-z'],
  ])('%s', async (_, spec, text) => {
    expect(await putTenant(drover, 'refused', spec)).toEqual(refusal(400, text))
    await expectNeighbourAnswered()
  })

  test.each(['Acme', 'a.b', 'a_b', '-a', 'constructor', 'x'.repeat(64), '..%2F..%2Fetc'])(
    'a tenant called %s',
    async (name) => {
      expect(await putTenant(drover, name, { models: {} })).toEqual(
        refusal(400, 'tenant: a name is'),
      )
      await expectNeighbourAnswered()
    },
  )

  test('by the command line as well', async () => {
    const path = await writeRows(drover, 'good.csv', makeCsv())
    const columns = { weight: { type: 'heavy' } }

    const named = await drover.run(...onboardLate('Bad_Name', path))
    const mixed = await drover.run(...onboardLate('refused', path, { ...FLIGHTS, columns }))

    expect(named).toMatchObject({ code: 2, stderr: expect.stringContaining('"Bad_Name": a name') })
    expect(mixed).toMatchObject({ code: 2, stderr: expect.stringContaining('weight.type') })
    await expectNeighbourAnswered()
  })

  const tenant = { method: 'PUT', path: '/v1/tenants/refused' } as const
  test.each<[string, App, Call, number, string]>([
    ['no JSON', 'trainerScheduler', { ...tenant, body: '{"models":' }, 400, 'not JSON'],
    ['a list', 'trainerScheduler', { ...tenant, body: '[]' }, 400, 'expected object'],
    [
      'a name that objects have of themselves',
      'trainerScheduler',
      { ...tenant, body: '{"models":{"__proto__":{"recipe":{"name":"push"}}}}' },
      400,
      '__proto__',
    ],
    [
      'too much',
      'trainerScheduler',
      { ...tenant, body: JSON.stringify({ models: {}, padding: 'x'.repeat(2 * MIB) }) },
      413,
      'the body is too large',
    ],
    ['a form', 'trainerScheduler', { ...tenant, body: 'a=b', headers: {} }, 415, 'content-type'],
    [
      'no JSON for a rollback',
      'configPublisher',
      { method: 'POST', path: '/v1/rollback', body: 'neighbour' },
      400,
      'not JSON',
    ],
    [
      'a restart without a reason',
      'restarter',
      { method: 'POST', path: '/v1/restart', body: '{}' },
      400,
      'why',
    ],
  ])('a body that is %s', async (_, app, sent, status, text) => {
    expect(await call(drover, app, sent)).toEqual(refusal(status, text))
    expect(await call(drover, 'trainerScheduler', { ...tenant, method: 'GET' })).toMatchObject({
      status: 404,
    })
    await expectNeighbourAnswered()
  })
})

describe('a question to a server', () => {
  test.each([
    ['no JSON', '{"instances":', 400, 'JSON Parse error'],
    ['no row', '{"instances":[]}', 400, 'instances'],
    ['a column too few', '{"instances":[{"hour":1}]}', 400, 'keys must be equal to: distance,hour'],
    ['a word for a number', '{"instances":[{"hour":"x","distance":1}]}', 400, 'key: hour'],
    ['too much', `{"instances":["${'x'.repeat(101 * MIB)}"]}`, 413, '104857600 bytes'],
  ])('that is %s is refused by both', async (_, body, status, text) => {
    for (const { rest } of drover.up.servers) {
      const url = `${rest}/v1/models/neighbour.late:predict`
      const response = await fetch(url, { method: 'POST', body })

      expect({ status: response.status, body: await response.json() }).toEqual(
        refusal(status, text),
      )
    }
    await expectNeighbourAnswered()
  })

  test('about a model that is not there names it', async () => {
    const { code, stderr } = await drover.run('predict', 'nobody.late', '{"hour": 1}')

    expect(code).toBe(3)
    expect(stderr).toContain('nobody.late')
    await expectNeighbourAnswered()
  })
})

describe('the same tenant twice', () => {
  /** What the scheduler says of a tenant whose model `late` is trained. */
  const Trained = z.object({
    generation: z.int(),
    spec: z.looseObject({}),
    models: z.object({
      late: z.object({ newest: z.object({ version: z.int(), quality: Quality }) }),
    }),
  })

  /** The specs that were replaced, oldest first, out of the audit. */
  async function replacedSpecs(tenant: string) {
    const root = join(drover.home, 'store', 'audit')
    const paths = await readdir(root, { recursive: true })
    const texts = await Promise.all(
      paths
        .filter((path) => path.includes(`tenants.${tenant}.`))
        .map(async (path) => await readFile(join(root, path), 'utf8')),
    )
    const audits = texts.map((text) => Audit.parse(JSON.parse(text)))
    return audits
      .toSorted((a, b) => a.seq - b.seq)
      .map(({ before }) => before && Tenant.parse(before).spec)
  }

  test('with the same spec changes and trains nothing', { timeout: TEST_MS_MAX }, async () => {
    const path = await writeRows(drover, 'same.csv', makeCsv())
    await settle(drover, ...onboardLate('same', path))
    const { spec } = await getTenant(drover, 'same', Trained)

    const again = await putTenant(drover, 'same', spec)
    const { code, note } = await settle(drover, ...onboardLate('same', path))

    expect(again).toMatchObject({ status: 200, body: { changed: false, generation: 1 } })
    expect({ code, note }).toMatchObject({ code: 0, note: expect.stringContaining('version 1') })
    expect(await getTenant(drover, 'same', Trained)).toMatchObject({
      generation: 1,
      models: { late: { newest: { version: 1 } } },
    })
    expect(await replacedSpecs('same')).toEqual([undefined])
    await expectNeighbourAnswered()
  })

  test(
    'with another spec is replaced, and the audit has the old one',
    { timeout: TEST_MS_MAX },
    async () => {
      const first = await uploadRows(drover, 'other', makeCsv(makeRows(150)))
      const second = await uploadRows(drover, 'other', makeCsv(makeRows(180)))

      expect(await putTenant(drover, 'other', first)).toMatchObject({
        status: 202,
        body: { generation: 1 },
      })
      expect(await putTenant(drover, 'other', second)).toMatchObject({
        status: 202,
        body: { generation: 2 },
      })

      await waitUntilServed(drover, 'other.late', TEST_MS_MAX)
      const { models } = await getTenant(drover, 'other', Trained)
      expect(models.late.newest.quality.rows).toBe(180)
      expect(await replacedSpecs('other')).toMatchObject([undefined, first])
      await expectNeighbourAnswered()
    },
  )
})
