import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifestKey, parseServedName, versionPrefix } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { encodeTensors, floatTensor } from '@drover/serving-api'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { addModel, goldenOf, publish, putConfig, putVersion } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

/** One server for all tests: each has clients of its own, and configs above those of the last. */
const fleet = await startReady()
const { nextSeq } = fleet
afterAll(async () => await fleet[Symbol.asyncDispose]())

let clients = 0
const newModel = (): string => `client-${++clients}.late`

describe('an apply', () => {
  test('serves what a config adds, and takes away what it no longer has', async () => {
    const acme = newModel()
    const bolt = newModel()
    const { server, store } = fleet
    const first = {
      sha: await publish(store, { [acme]: [1, 10], [bolt]: [1, 20] }),
      seq: nextSeq(),
    }

    const answer = await server.apply(first, first.seq)

    expect(answer).toEqual({ status: 200, body: { ...first, applied: 2, failed: [] } })
    expect(await server.predict(acme, 1)).toBe(11)
    expect(await server.predict(bolt, 1)).toBe(21)
    expect(await server.state()).toMatchObject({
      ready: true,
      config: first,
      fence: first.seq,
      models: 2,
      failed: [],
      recycles: 1,
    })

    const second = { sha: await publish(store, { [acme]: [2, 30] }), seq: nextSeq() }
    expect(await server.apply(second, second.seq)).toMatchObject({
      body: { ...second, applied: 1 },
    })
    expect(await server.predict(acme, 1)).toBe(31)
    expect(await server.predict(bolt, 1)).toBeUndefined()
  })

  test('goes back to an old config under a higher fence, and refuses a lower one', async () => {
    const acme = newModel()
    const { server, store } = fleet
    const old = { sha: await publish(store, { [acme]: [1, 10] }), seq: nextSeq() }
    const young = { sha: await publish(store, { [acme]: [2, 20] }), seq: nextSeq() }
    await server.apply(old, old.seq)
    await server.apply(young, young.seq)

    const fence = nextSeq()
    expect(await server.apply(old, fence)).toMatchObject({ status: 200, body: old })
    expect(await server.predict(acme, 1)).toBe(11)
    expect(await server.apply(young, young.seq)).toEqual({
      status: 409,
      body: { error: `the fence ${young.seq} is lower than ${fence}, which was seen` },
    })
    expect(await server.state()).toMatchObject({ config: old, fence })
  })

  test.each([
    [
      'whose file was changed in the store',
      'FAULT in the store',
      async (store: ModelStore, name: string, root: string) => {
        // Of a content that no other test has: what is in the cache already is not fetched.
        const version = await putVersion(store, { name, version: 2, addend: 70 })
        const prefix = versionPrefix(parseServedName(name), 2)
        await writeFile(join(root, prefix, 'saved_model.pb'), addModel(71))
        return version
      },
      /saved_model\.pb is wrong in the store/,
    ],
    [
      'that is no model',
      'load',
      async (store: ModelStore, name: string) =>
        await putVersion(store, {
          name,
          version: 2,
          addend: 20,
          content: Buffer.from('no model'),
        }),
      /fails in the probe/,
    ],
    [
      'that answers otherwise than in the gate',
      'golden',
      async (store: ModelStore, name: string) =>
        await putVersion(store, {
          name,
          version: 2,
          addend: 20,
          golden: goldenOf(25),
        }),
      /golden request 0 is answered wrongly/,
    ],
  ])('leaves out a version %s, and its model keeps the last good one', async (...cases) => {
    const [, , putBad, reason] = cases
    const acme = newModel()
    const bolt = newModel()
    const { server, store, folder } = fleet
    const good = { sha: await publish(store, { [acme]: [1, 10] }), seq: nextSeq() }
    await server.apply(good, good.seq)
    const bad = await putBad(store, acme, folder.store)
    const other = await putVersion(store, { name: bolt, version: 1, addend: 5 })
    const next = {
      sha: await putConfig(store, { [acme]: bad, [bolt]: other }),
      seq: nextSeq(),
    }

    const answer = await server.apply(next, next.seq)

    const culprit = { name: acme, version: 2, digest: bad.manifest }
    expect(answer).toMatchObject({
      status: 200,
      body: {
        ...next,
        applied: 1,
        failed: [{ ...culprit, reason: expect.stringMatching(reason) }],
      },
    })
    expect(await server.predict(acme, 1)).toBe(11)
    expect(await server.predict(bolt, 1)).toBe(6)
    expect(await server.state()).toMatchObject({ ready: true, config: next, failed: [culprit] })
    expect(await server.apply(next, next.seq)).toEqual(answer)
  })

  test.each([
    ['the model does not load', async () => {}],
    [
      'its manifest cannot be read',
      async (root: string, name: string) => {
        const key = manifestKey(parseServedName(name), 2)
        await writeFile(join(root, key), 'no JSON')
      },
    ],
  ])('never falls back to what another owner of the name had when %s', async (_, spoil) => {
    const acme = newModel()
    const { server, store, folder } = fleet
    const old = { sha: await publish(store, { [acme]: [1, 10] }), seq: nextSeq() }
    await server.apply(old, old.seq)
    const content = Buffer.from('no model')
    const bad = await putVersion(store, { name: acme, version: 2, addend: 20, born: 9, content })
    const next = { sha: await putConfig(store, { [acme]: bad }, 9), seq: nextSeq() }
    await spoil(folder.store, acme)

    await server.apply(next, next.seq)

    expect(await server.predict(acme, 1)).toBeUndefined()
    expect(await server.state()).toMatchObject({ models: 0, failed: [{ name: acme, version: 2 }] })
  })

  test('with the store away blames nobody and changes nothing', async () => {
    const acme = newModel()
    const { server, store, folder } = fleet
    const good = { sha: await publish(store, { [acme]: [1, 10] }), seq: nextSeq() }
    await server.apply(good, good.seq)
    const next = { sha: await publish(store, { [acme]: [2, 20] }), seq: nextSeq() }
    await rename(folder.store, `${folder.store}.away`)

    const answer = await server.apply(next, next.seq)

    expect(answer).toMatchObject({ status: 503 })
    expect(await server.predict(acme, 1)).toBe(11)
    expect(await server.state()).toMatchObject({
      ready: true,
      config: good,
      failed: [],
      impaired: expect.any(String),
    })
    await rename(`${folder.store}.away`, folder.store)
    expect(await server.apply(next, nextSeq())).toMatchObject({ status: 200, body: { applied: 1 } })
    await vi.waitUntil(async () => (await server.state()).impaired === undefined, UNTIL)
  })

  test('a version whose verdict says TensorFlow runs there, though a kernel could', async () => {
    const acme = newModel()
    const { server, store } = fleet
    const engines = async (): Promise<string[]> => {
      const page = await (await fetch(`${server.url}/metrics`)).text()
      const found = page.matchAll(/_served_versions\{[^}]*engine="(\w+)"[^}]*\} 1$/gm)
      return [...found].map(([, name = '']) => name)
    }
    const engine = 'tensorflow'
    const version = await putVersion(store, { name: acme, version: 1, addend: 10, engine })
    const ref = { sha: await putConfig(store, { [acme]: version }), seq: nextSeq() }

    await server.apply(ref, ref.seq)

    expect(await server.predict(acme, 1)).toBe(11)
    expect(await engines()).toEqual([engine])
  })

  test('an answer that is a little off is served, and reported', async () => {
    const acme = newModel()
    const { server, store } = fleet
    const golden = goldenOf(20.1)
    const version = await putVersion(store, { name: acme, version: 1, addend: 20, golden })
    const ref = { sha: await putConfig(store, { [acme]: version }), seq: nextSeq() }

    expect(await server.apply(ref, ref.seq)).toMatchObject({ body: { applied: 1, failed: [] } })

    expect(await server.state()).toMatchObject({ drifting: [acme] })
  })

  test('serves what only TensorFlow runs', async () => {
    const acme = newModel()
    const { server, store } = fleet
    const [request] = goldenOf(1).requests
    const outputs = encodeTensors({ y: floatTensor([0, 0, 1.2009736]) })
    const version = await putVersion(store, {
      name: acme,
      version: 1,
      addend: 1,
      content: addModel(1, true),
      engine: 'tensorflow',
      golden: { format: 1, requests: request === undefined ? [] : [{ ...request, outputs }] },
    })
    const ref = { sha: await putConfig(store, { [acme]: version }), seq: nextSeq() }

    expect(await server.apply(ref, ref.seq)).toMatchObject({ body: { applied: 1, failed: [] } })

    expect(await server.predict(acme, 2.5)).toBeCloseTo(1.2009736, 5)
  })

  test('carries out commands one after the other, and the highest fence last', async () => {
    const acme = newModel()
    const { server, store } = fleet
    const first = { sha: await publish(store, { [acme]: [1, 10] }), seq: nextSeq() }
    const second = { sha: await publish(store, { [acme]: [2, 20] }), seq: nextSeq() }

    const answers = await Promise.all([
      server.apply(first, first.seq),
      server.apply(second, second.seq),
    ])

    expect(answers[1]).toMatchObject({ status: 200, body: second })
    expect([200, 409]).toContain(answers[0].status)
    expect(await server.predict(acme, 1)).toBe(21)
  })
})
