import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startWorker } from '@drover/jobs'
import { Change, changesPrefix, digestOfFiles, sha256, versionPrefix } from '@drover/model-config'
import { requireJson } from '@drover/model-store'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type Bench,
  makeCsv,
  makeSpec,
  type Rig,
  startBench,
  startRig,
} from './scheduler.fixture.ts'
import { LATE, WAIT, waitForCommits } from './waits.fixture.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.trainer.warm()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

describe('a tenant', () => {
  test('with data gets a version whose files are what its manifest says', async () => {
    await using rig = await startRig(bench, { name: 'whole' })
    const data = await rig.upload('acme/late', makeCsv())
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(data))

    const [manifest] = await waitForCommits(rig, 1)

    expect(manifest).toMatchObject({
      version: 1,
      born: 1,
      digest: digestOfFiles(manifest?.files ?? []),
      lineage: { data: { upload: data }, dataDigest: data, recipe: 'tabular-classifier' },
      quality: { rows: 60, classes: 2 },
    })
    for (const { path, sizeBytes, sha256: digest } of manifest?.files ?? []) {
      const content = await rig.store.read(`${versionPrefix(LATE, 1)}/${path}`)
      expect(content?.length, path).toBe(sizeBytes)
      expect(sha256(content ?? ''), path).toBe(digest)
    }
    const paths = manifest?.files.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['saved_model.pb', 'assets.extra/drover/golden.json']),
    )
  })

  test('leaves a change record for its spec and for its commit, in one trace, and nudges the publisher', async () => {
    const heard: object[] = []
    await using rig = await startRig(bench, { name: 'trace' })
    const place = { url: bench.redis.url, prefix: '{trace}' }
    await using _ = startWorker(
      { name: 'publish' },
      place,
      async (nudge) => void heard.push(nudge),
      { onError: () => {} },
    )
    const trace = 'ab'.repeat(16)
    const headers = { traceparent: `00-${trace}-${'1'.repeat(16)}-01` }
    const data = await rig.upload('acme/late', makeCsv())
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(data), headers)

    await waitForCommits(rig, 1)
    await vi.waitUntil(() => heard.length > 0, WAIT)

    const changes = await readChanges(rig)
    expect(changes.map(({ kind }) => kind)).toEqual(['spec', 'commit'])
    expect(changes.map(({ traceparent }) => traceparent.split('-')[1])).toEqual([trace, trace])
    expect(heard[0]).toMatchObject({
      fleet: 'main',
      ...LATE,
      version: 1,
      traceparent: expect.stringContaining(trace),
    })
  })

  test('is not trained again by a restart, by a repeated spec or by a doubled nudge', async () => {
    const data = await (async () => {
      await using rig = await startRig(bench, { name: 'again' })
      const digest = await rig.upload('acme/late', makeCsv())
      await rig.call('PUT', '/v1/tenants/acme', makeSpec(digest))
      await waitForCommits(rig, 1)
      return digest
    })()
    await using rig = await startRig(bench, { name: 'again' })
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(data))
    const wish = {
      model: LATE,
      request: 'x',
      weight: 1,
      onboarding: false,
      traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    }
    await rig.scheduler.dispatch.request(wish)
    await rig.scheduler.dispatch.request(wish)
    // What is asked for by hand comes after those, so they are through when it is.
    await rig.call('POST', '/v1/tenants/acme/models/late/train', {})

    const commits = await waitForCommits(rig, 2)

    expect(commits.map(({ version }) => version)).toEqual([2, 1])
    expect(new Set(commits.map(({ request }) => request)).size).toBe(2)
  })

  test('with a schedule is trained again when the next slot begins', async () => {
    await using rig = await startRig(bench, { name: 'schedule' })
    const spec = makeSpec(await rig.upload('acme/late', makeCsv()))
    const late = { ...spec.models.late, every: '1s' }
    await rig.call('PUT', '/v1/tenants/acme', { models: { late } })

    const commits = await waitForCommits(rig, 2)

    const slots = commits.map(({ lineage }) => lineage.slot ?? 0)
    expect(slots[0]).toBeGreaterThan(slots[1] ?? 0)
  })

  test('that is created anew goes on after the old numbers and does not use the old versions', async () => {
    await using rig = await startRig(bench, { name: 'anew' })
    const spec = makeSpec(await rig.upload('acme/late', makeCsv()))
    await rig.call('PUT', '/v1/tenants/acme', spec)
    await waitForCommits(rig, 1)
    await rig.call('DELETE', '/v1/tenants/acme')
    await rig.call('PUT', '/v1/tenants/acme', spec)

    const commits = await waitForCommits(rig, 2)

    expect(commits.map(({ version, born }) => ({ version, born }))).toEqual([
      { version: 2, born: 3 },
      { version: 1, born: 1 },
    ])
  })

  test('whose data is a file below its folder gets the digest of that file into the lineage', async () => {
    await using rig = await startRig(bench, { name: 'file' })
    await mkdir(join(rig.dataRoot, 'acme'), { recursive: true })
    await writeFile(join(rig.dataRoot, 'acme', 'rows.csv'), makeCsv())
    const spec = makeSpec('0'.repeat(64))
    const late = { ...spec.models.late, data: { file: 'rows.csv' } }
    await rig.call('PUT', '/v1/tenants/acme', { models: { late } })

    const [manifest] = await waitForCommits(rig, 1)

    expect(manifest?.lineage).toMatchObject({
      data: { file: 'rows.csv' },
      dataDigest: sha256(makeCsv()),
    })
  })
})

async function readChanges({ store }: Rig): Promise<Change[]> {
  const hours = await store.list(changesPrefix)
  const lists = await Promise.all(
    hours.map(async (hour) => {
      const names = await store.list(`${changesPrefix}/${hour}`)
      return names.map((name) => `${changesPrefix}/${hour}/${name}`)
    }),
  )
  return await Promise.all(lists.flat().map(async (key) => await requireJson(store, key, Change)))
}
