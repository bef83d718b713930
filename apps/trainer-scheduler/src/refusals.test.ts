import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataRecordKey, Tenant, tenantKey } from '@drover/model-config'
import { createJson, readStateJson } from '@drover/model-store'
import { DATA_BYTES_MAX } from '@drover/training'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Bench,
  makeCsv,
  makeSpec,
  type Rig,
  startBench,
  startRig,
} from './scheduler.fixture.ts'

const TENANT = '/v1/tenants/acme'
const MIB = 1024 * 1024

let bench: Bench
let rig: Rig
let digest: string
beforeAll(async () => {
  bench = await startBench()
  rig = await startRig(bench, { name: 'refusals', commands: { keras: { argv: ['/bin/true'] } } })
  digest = await rig.upload('acme/late', makeCsv())
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const tabular = { name: 'tabular-classifier', label: 'kind', columns: { size: { type: 'number' } } }
const late = (model: object) => ({ models: { late: model } })

describe('a spec that cannot be is refused with 400, and the answer names the field', () => {
  test.each<[string, () => object, string]>([
    [
      'an unknown recipe',
      () => late({ recipe: { name: 'magic' }, data: { upload: digest } }),
      'models.late.recipe.name',
    ],
    [
      'a model name with a capital',
      () => ({ models: { Late: {} } }),
      'models.Late: a name is 1 to 63',
    ],
    [
      'an unknown kind of column',
      () =>
        late({
          recipe: { ...tabular, columns: { size: { type: 'colour' } } },
          data: { upload: digest },
        }),
      'models.late.recipe.columns.size.type',
    ],
    [
      'a column name with a blank',
      () =>
        late({
          recipe: { ...tabular, columns: { 'a b': { type: 'number' } } },
          data: { upload: digest },
        }),
      'models.late.recipe.columns.a b: a column name is',
    ],
    [
      'no columns',
      () => late({ recipe: { ...tabular, columns: {} }, data: { upload: digest } }),
      'models.late.recipe.columns: 1 to 500 columns',
    ],
    [
      'the label as a column',
      () => late({ recipe: { ...tabular, label: 'size' }, data: { upload: digest } }),
      'models.late.recipe.columns.size: it is the label',
    ],
    [
      'a text column that is the label',
      () =>
        late({
          recipe: { name: 'text-classifier', text: 'a', label: 'a' },
          data: { upload: digest },
        }),
      'models.late.recipe.text',
    ],
    [
      'a command that is not listed',
      () => late({ recipe: { name: 'command', command: 'rm' }, data: { upload: digest } }),
      'models.late.recipe.command: rm is not',
    ],
    [
      'an argv',
      () =>
        late({
          recipe: { name: 'command', command: 'keras', argv: ['sh'] },
          data: { upload: digest },
        }),
      'models.late.recipe: Unrecognized key: "argv"',
    ],
    [
      'data that was not uploaded',
      () => late({ recipe: tabular, data: { upload: 'b'.repeat(64) } }),
      `models.late.data.upload: ${'b'.repeat(64)} is not in the store`,
    ],
    [
      'data that is no digest',
      () => late({ recipe: tabular, data: { upload: 'x' } }),
      'models.late.data',
    ],
    [
      'no data',
      () => late({ recipe: tabular }),
      'models.late.data: a recipe that trains needs data',
    ],
    [
      'a schedule that is none',
      () => late({ recipe: tabular, data: { upload: digest }, every: 'daily' }),
      'models.late.every: a duration such as',
    ],
    ['a weight below nothing', () => ({ weight: -1, models: {} }), 'weight'],
    ['an unknown field', () => ({ models: {}, color: 1 }), 'Unrecognized key: "color"'],
    ['no models', () => ({}), 'models'],
  ])('%s', async (_, spec, text) => {
    const answer = await rig.call('PUT', '/v1/tenants/refused', spec())

    expect(answer).toEqual({ status: 400, body: { error: expect.stringContaining(text) } })
    expect(await readStateJson(rig.store, tenantKey('refused'), Tenant)).toBeUndefined()
  })

  test.each(['Acme', '-a', 'a-', 'a.b', 'a_b', 'x'.repeat(64), 'constructor', 'a%2f..%2fb'])(
    'a tenant called %s',
    async (name) => {
      const answer = await rig.call('PUT', `/v1/tenants/${name}`, makeSpec(digest))

      expect(answer).toEqual({
        status: 400,
        body: { error: expect.stringMatching(/^tenant: a name is/) },
      })
    },
  )
})

describe('a data file', () => {
  const spec = (file: string) => late({ recipe: tabular, data: { file } })

  test('that leaves the folder of its tenant is refused, by dots or by a link', async () => {
    const folder = join(rig.dataRoot, 'files')
    await mkdir(join(rig.dataRoot, 'other'), { recursive: true })
    await mkdir(folder, { recursive: true })
    await writeFile(join(rig.dataRoot, 'other', 'secret.csv'), makeCsv())
    await symlink('../other/secret.csv', join(folder, 'link.csv'))
    await symlink('../other', join(folder, 'folder'))

    for (const file of ['../other/secret.csv', 'link.csv', 'folder/secret.csv', '.']) {
      const { status, body } = await rig.call('PUT', '/v1/tenants/files', spec(file))
      expect({ status, body }).toEqual({
        status: 400,
        body: {
          error: expect.stringContaining(`data.file: ${file} is outside of the data folder`),
        },
      })
    }
  })

  test('that does not exist is refused by its name', async () => {
    const answer = await rig.call('PUT', '/v1/tenants/files', spec('none.csv'))

    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({ error: 'models.late.data.file: none.csv does not exist' })
  })

  test('with an absolute path is refused', async () => {
    expect((await rig.call('PUT', '/v1/tenants/files', spec('/etc/passwd'))).status).toBe(400)
  })
})

test('an upload that no training would take is refused by its name and size', async () => {
  const model = { tenant: 'large', model: 'late' }
  const sha256 = 'c'.repeat(64)
  const at = new Date().toISOString()
  const record = { format: 1, sha256, sizeBytes: DATA_BYTES_MAX + 1, at }
  await createJson(rig.store, dataRecordKey(model, sha256), record)

  const spec = late({ recipe: tabular, data: { upload: sha256, name: 'large.csv' } })
  const answer = await rig.call('PUT', '/v1/tenants/large', spec)

  expect(answer).toEqual({
    status: 400,
    body: {
      error: expect.stringContaining(
        `models.late.data.upload: large.csv has ${DATA_BYTES_MAX + 1} bytes`,
      ),
    },
  })
})

describe('a body', () => {
  test('that is no JSON is a 400', async () => {
    const headers = { 'content-type': 'application/json' }

    expect(await rig.call('PUT', TENANT, '{"models":', headers)).toEqual({
      status: 400,
      body: { error: 'the body is not JSON' },
    })
  })

  test('that is too large is a 413', async () => {
    const answer = await rig.call('PUT', TENANT, { models: {}, padding: 'x'.repeat(MIB) })

    expect(answer).toEqual({ status: 413, body: { error: 'the body is too large' } })
  })

  test('of another type is a 415', async () => {
    const headers = { 'content-type': 'text/plain' }

    expect((await rig.call('PUT', TENANT, '{}', headers)).status).toBe(415)
  })
})
