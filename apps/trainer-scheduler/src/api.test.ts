import { Audit, sha256, Tenant, tenantKey } from '@drover/model-config'
import {
  ModelStoreCode,
  ModelStoreError,
  readStateJson,
  requireJson,
  withFaults,
} from '@drover/model-store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  type Bench,
  makeCsv,
  makeSpec,
  type Rig,
  startBench,
  startRig,
} from './scheduler.fixture.ts'

const UPLOAD_BYTES_MAX = 200_000
const MIB = 1024 * 1024

const WAIT = { timeout: 30_000, interval: 10 }

const Acknowledged = z.object({ changed: z.boolean(), queued: z.boolean(), generation: z.number() })

let bench: Bench
let rig: Rig
let isStoreAway = false
beforeAll(async () => {
  bench = await startBench()
  rig = await startRig(bench, {
    name: 'api',
    uploadBytesMax: UPLOAD_BYTES_MAX,
    wrap: (store) =>
      withFaults(store, () => {
        if (isStoreAway) throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, 'test: away')
      }),
  })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

describe('a tenant', () => {
  test('that is put twice stays as it is, and another spec replaces it with the old one in the audit', async () => {
    const upload = await rig.upload('twice/late', makeCsv())
    const first = makeSpec(upload)
    const second = { ...first, weight: 2 }
    const put = async (spec: object) => {
      const { status, body } = await rig.call('PUT', '/v1/tenants/twice', spec)
      return { status, ...Acknowledged.parse(body) }
    }

    // Whether it is queued too is another matter: a busy Redis may not say so in time.
    expect(await put(first)).toMatchObject({ status: 202, changed: true, generation: 1 })
    expect(await put(first)).toEqual({ status: 200, changed: false, queued: false, generation: 1 })
    expect(await put(second)).toMatchObject({ status: 202, changed: true, generation: 2 })
    const audits = await readAudits(rig, 'tenants/twice.json')
    expect(audits.map(({ seq }) => seq)).toEqual([1, 2])
    expect(audits[1]?.before).toMatchObject({ seq: 1, spec: { weight: 1 } })
  })

  test('that is deleted is a tombstone, and a new one under its name is born anew', async () => {
    const upload = await rig.upload('mayfly/late', makeCsv())
    const path = '/v1/tenants/mayfly'
    const remove = async () => (await rig.call('DELETE', path)).status

    expect(await remove()).toBe(404)
    await rig.call('PUT', path, makeSpec(upload))
    expect(await remove()).toBe(202)
    expect(await remove()).toBe(200)
    expect((await rig.call('GET', path)).body).toMatchObject({ tombstone: true, models: {} })
    await rig.call('PUT', path, makeSpec(upload))
    const { body } = await rig.call('GET', path)
    expect(body).toMatchObject({ tombstone: false, generation: 3, models: { late: { born: 3 } } })
  })

  test('that goes back to an old spec asks for a new training', async () => {
    const path = '/v1/tenants/back'
    const [one, two] = [
      await rig.upload('back/late', makeCsv(60)),
      await rig.upload('back/late', makeCsv(70)),
    ]
    const requestAfter = async (upload: string) => {
      await rig.call('PUT', path, makeSpec(upload))
      const { body } = await rig.call('GET', path)
      return z
        .object({ models: z.object({ late: z.object({ request: z.object({ id: z.string() }) }) }) })
        .parse(body).models.late.request.id
    }

    const ids = [await requestAfter(one), await requestAfter(two), await requestAfter(one)]

    expect(new Set(ids).size).toBe(3)
  })

  test('whose change Redis takes in time is told that it is queued', async () => {
    const spec = makeSpec(await rig.upload('told/late', makeCsv()))
    let weight = 0

    await vi.waitUntil(async () => {
      const { body } = await rig.call('PUT', '/v1/tenants/told', { ...spec, weight: ++weight })
      return Acknowledged.parse(body).queued
    }, WAIT)

    const { body } = await rig.call('GET', '/v1/tenants/told')
    expect(body).toMatchObject({ generation: weight })
  })

  test('that many change at once ends with one change after the other', async () => {
    const answers = await Promise.all(
      [1, 2, 3, 4].map(async (weight) => {
        return await rig.call('PUT', '/v1/tenants/crowd', { weight, models: {} })
      }),
    )

    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202])
    expect(await readStateJson(rig.store, tenantKey('crowd'), Tenant)).toMatchObject({ seq: 4 })
  })

  test('is listed by name, page by page', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) {
      await rig.call('PUT', `/v1/tenants/${name}`, { models: {} })
    }

    const first = await rig.call('GET', '/v1/tenants?after=page&limit=2')
    const second = await rig.call('GET', '/v1/tenants?after=page-b&limit=1')

    expect(first.body).toMatchObject({
      tenants: [{ tenant: 'page-a' }, { tenant: 'page-b' }],
      next: 'page-b',
    })
    expect(second.body).toMatchObject({
      tenants: [{ tenant: 'page-c', generation: 1, models: [] }],
    })
  })

  test('that is not there is a 404 that names it', async () => {
    const none = { status: 404, body: { error: 'there is no tenant nobody' } }

    expect(await rig.call('GET', '/v1/tenants/nobody')).toEqual(none)
    expect(await rig.call('POST', '/v1/tenants/nobody/models/late/train', {})).toEqual(none)
  })
})

describe('an upload', () => {
  const text = 'text,category\n'

  test('is created once', async () => {
    const path = `/v1/data/up/late/${sha256(text)}`

    expect(await rig.call('PUT', path, text)).toEqual({ status: 201, body: { created: true } })
    expect(await rig.call('PUT', path, text)).toEqual({ status: 200, body: { created: false } })
  })

  test('under another digest is refused, and is not there', async () => {
    const wrong = sha256('other')
    const answer = await rig.call('PUT', `/v1/data/up/late/${wrong}`, text)

    expect(answer.status).toBe(400)
    expect(answer.body).toEqual({
      error: `the body has the sha256 ${sha256(text)} and not ${wrong}`,
    })
    expect(await rig.store.list('data/up/late')).not.toContain(wrong)
  })

  test('that is too large is a 413, whether it says so first or not', async () => {
    const large = 'x'.repeat(4 * MIB)
    const path = `/v1/data/up/late/${sha256(large)}`
    const stream = new Blob([large]).stream()
    const streamed = await fetch(`${rig.listening.url}${path}`, {
      method: 'PUT',
      body: stream,
      duplex: 'half',
    })

    expect((await rig.call('PUT', path, large)).status).toBe(413)
    expect(streamed.status).toBe(413)
    expect(await streamed.json()).toEqual({
      error: `an upload may have ${UPLOAD_BYTES_MAX} bytes at most`,
    })
  })

  test('under a digest that is none is a 400', async () => {
    expect((await rig.call('PUT', '/v1/data/up/late/abc', text)).status).toBe(400)
  })
})

test('while the store is away a change is a 503, and nothing of it is there afterwards', async () => {
  isStoreAway = true
  const answer = await rig.call('PUT', '/v1/tenants/away', { models: {} })
  isStoreAway = false

  expect(answer).toEqual({ status: 503, body: { error: 'the model store is away: try again' } })
  expect((await rig.call('GET', '/v1/tenants/away')).status).toBe(404)
})

test('the API is described by its own schemas', async () => {
  const { body } = await rig.call('GET', '/openapi.json')
  const Described = z.object({
    openapi: z.literal('3.1.0'),
    paths: z.record(
      z.string(),
      z.record(z.string(), z.object({ responses: z.object({}).loose() })),
    ),
  })

  const { paths } = Described.parse(body)

  expect(
    Object.entries(paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      .toSorted(),
  ).toEqual([
    'delete /v1/tenants/{tenant}',
    'get /v1/runs',
    'get /v1/tenants',
    'get /v1/tenants/{tenant}',
    'post /v1/tenants/{tenant}/models/{model}/train',
    'post /v1/tenants/{tenant}/models/{model}/versions',
    'put /v1/data/{tenant}/{model}/{sha256}',
    'put /v1/tenants/{tenant}',
  ])
  expect(JSON.stringify(body)).toContain('tabular-classifier')
})

test('with a token, a caller without it gets nothing', async () => {
  await using guarded = await startRig(bench, { name: 'guarded', token: 'secret' })
  const authorization = 'Bearer secret'

  expect((await guarded.call('GET', '/v1/tenants')).status).toBe(401)
  expect((await guarded.call('GET', '/v1/tenants', undefined, { authorization })).status).toBe(200)
})

async function readAudits({ store }: Rig, object: string): Promise<Audit[]> {
  const days = await store.list('audit')
  const lists = await Promise.all(
    days.map(async (day) =>
      (await store.list(`audit/${day}`)).map((name) => `audit/${day}/${name}`),
    ),
  )
  const audits = await Promise.all(
    lists.flat().map(async (key) => await requireJson(store, key, Audit)),
  )
  return audits.filter((audit) => audit.object === object).toSorted((a, b) => a.seq - b.seq)
}
