import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { manifestKey, versionPrefix } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { encodeTensors, floatTensor } from '@drover/serving-api'
import { describe, expect, test, vi } from 'vitest'
import { addModel, goldenOf, publish, putConfig, putVersion } from './test-support/published.ts'
import { startReady, UNTIL } from './test-support/server.ts'

describe('an apply', () => {
  test('serves what a config adds, and takes away what it no longer has', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const first = {
      sha: await publish(store, { 'acme.late': [1, 10], 'bolt.late': [1, 20] }),
      seq: 3,
    }

    const answer = await server.apply(first, 2)

    expect(answer).toEqual({ status: 200, body: { ...first, applied: 2, failed: [] } })
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.predict('bolt.late', 1)).toBe(21)
    expect(await server.state()).toMatchObject({
      ready: true,
      config: first,
      fence: 2,
      models: 2,
      failed: [],
      recycles: 1,
    })

    const second = { sha: await publish(store, { 'acme.late': [2, 30] }), seq: 5 }
    expect(await server.apply(second, 4)).toMatchObject({ body: { ...second, applied: 1 } })
    expect(await server.predict('acme.late', 1)).toBe(31)
    expect(await server.predict('bolt.late', 1)).toBeUndefined()
  })

  test('goes back to an old config under a higher fence, and refuses a lower one', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const old = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    const young = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    await server.apply(old, 3)
    await server.apply(young, 5)

    expect(await server.apply(old, 6)).toMatchObject({ status: 200, body: old })
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.apply(young, 5)).toEqual({
      status: 409,
      body: { error: 'the fence 5 is lower than 6, which was seen' },
    })
    expect(await server.state()).toMatchObject({ config: old, fence: 6 })
  })

  test.each([
    [
      'whose file was changed in the store',
      'FAULT in the store',
      async (store: ModelStore, root: string) => {
        const version = await putVersion(store, { name: 'acme.late', version: 2, addend: 20 })
        const prefix = versionPrefix({ tenant: 'acme', model: 'late' }, 2)
        await writeFile(join(root, prefix, 'saved_model.pb'), addModel(21))
        return version
      },
      /saved_model\.pb is wrong in the store/,
    ],
    [
      'that is no model',
      'load',
      async (store: ModelStore) =>
        await putVersion(store, {
          name: 'acme.late',
          version: 2,
          addend: 20,
          content: Buffer.from('no model'),
        }),
      /fails in the probe/,
    ],
    [
      'that answers otherwise than in the gate',
      'golden',
      async (store: ModelStore) =>
        await putVersion(store, {
          name: 'acme.late',
          version: 2,
          addend: 20,
          golden: goldenOf(25),
        }),
      /golden request 0 is answered wrongly/,
    ],
  ])('leaves out a version %s, and its model keeps the last good one', async (...cases) => {
    const [, , putBad, reason] = cases
    await using fleet = await startReady()
    const { server, store, folder } = fleet
    const good = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(good, 2)
    const bad = await putBad(store, folder.store)
    const other = await putVersion(store, { name: 'bolt.late', version: 1, addend: 5 })
    const next = {
      sha: await putConfig(store, { 'acme.late': bad, 'bolt.late': other }),
      seq: 5,
    }

    const answer = await server.apply(next, 4)

    const culprit = { name: 'acme.late', version: 2, digest: bad.manifest }
    expect(answer).toMatchObject({
      status: 200,
      body: {
        ...next,
        applied: 1,
        failed: [{ ...culprit, reason: expect.stringMatching(reason) }],
      },
    })
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.predict('bolt.late', 1)).toBe(6)
    expect(await server.state()).toMatchObject({ ready: true, config: next, failed: [culprit] })
    expect(await server.apply(next, 4)).toEqual(answer)
  })

  test.each([
    ['the model does not load', async () => {}],
    [
      'its manifest cannot be read',
      async (root: string) => {
        const key = manifestKey({ tenant: 'acme', model: 'late' }, 2)
        await writeFile(join(root, key), 'no JSON')
      },
    ],
  ])('never falls back to what another owner of the name had when %s', async (_, spoil) => {
    await using fleet = await startReady()
    const { server, store, folder } = fleet
    const old = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(old, 2)
    const [name, content] = ['acme.late', Buffer.from('no model')]
    const bad = await putVersion(store, { name, version: 2, addend: 20, born: 9, content })
    const next = { sha: await putConfig(store, { [name]: bad }, 9), seq: 5 }
    await spoil(folder.store)

    await server.apply(next, 4)

    expect(await server.predict(name, 1)).toBeUndefined()
    expect(await server.state()).toMatchObject({ models: 0, failed: [{ name, version: 2 }] })
  })

  test('with the store away blames nobody and changes nothing', async () => {
    await using fleet = await startReady()
    const { server, store, folder } = fleet
    const good = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(good, 2)
    const next = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    await rename(folder.store, `${folder.store}.away`)

    const answer = await server.apply(next, 4)

    expect(answer).toMatchObject({ status: 503 })
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.state()).toMatchObject({
      ready: true,
      config: good,
      failed: [],
      impaired: expect.any(String),
    })
    await rename(`${folder.store}.away`, folder.store)
    expect(await server.apply(next, 6)).toMatchObject({ status: 200, body: { applied: 1 } })
    await vi.waitUntil(async () => (await server.state()).impaired === undefined, UNTIL)
  })

  test('an answer that is a little off is served, and reported', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const golden = goldenOf(20.1)
    const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 20, golden })
    const ref = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }

    expect(await server.apply(ref, 2)).toMatchObject({ body: { applied: 1, failed: [] } })

    expect(await server.state()).toMatchObject({ drifting: ['acme.late'] })
  })

  test('serves what only TensorFlow runs', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const [request] = goldenOf(1).requests
    const outputs = encodeTensors({ y: floatTensor([0, 0, 1.2009736]) })
    const version = await putVersion(store, {
      name: 'acme.late',
      version: 1,
      addend: 1,
      content: addModel(1, true),
      engine: 'tensorflow',
      golden: { format: 1, requests: request === undefined ? [] : [{ ...request, outputs }] },
    })
    const ref = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }

    expect(await server.apply(ref, 2)).toMatchObject({ body: { applied: 1, failed: [] } })

    expect(await server.predict('acme.late', 2.5)).toBeCloseTo(1.2009736, 5)
  })

  test('carries out commands one after the other, and the highest fence last', async () => {
    await using fleet = await startReady()
    const { server, store } = fleet
    const first = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    const second = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }

    const answers = await Promise.all([server.apply(first, 4), server.apply(second, 6)])

    expect(answers[1]).toMatchObject({ status: 200, body: second })
    expect([200, 409]).toContain(answers[0].status)
    expect(await server.predict('acme.late', 1)).toBe(21)
  })
})
