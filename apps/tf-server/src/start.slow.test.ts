import { once } from 'node:events'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { withFaults } from '@drover/model-store'
import { describe, expect, test, vi } from 'vitest'
import {
  publish,
  publishBroken,
  putConfig,
  putVersion,
  setChannel,
} from './test-support/published.ts'
import { startLive, startServer, startStore, UNTIL, untilReady } from './test-support/server.ts'

const inSevenHours = () => Date.now() + 7 * 3_600_000

describe('a server that starts', () => {
  test('says where it looked when there is no channel', async () => {
    await using opened = await startStore()
    await using server = await startServer(opened.store, opened.folder.cache)

    await vi.waitUntil(async () => (await server.state()).why?.includes('no channel'), UNTIL)

    expect(await server.isReady()).toBe(false)
    expect((await server.state()).why).toBe(
      'there is no channel fleets/main/channel.json in of the test',
    )
  })

  test('takes live when it starts, and follows it', async () => {
    await using opened = await startLive()
    const { store, folder } = opened
    await using server = await startServer(store, folder.cache)
    await untilReady(server)

    expect(await server.predict('acme.late', 1)).toBe(11)

    const next = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    await setChannel(store, next)
    await vi.waitUntil(async () => (await server.predict('acme.late', 1)) === 21, UNTIL)
  })

  test('starts with the config that it was rolled out for, and with live once that was rejected', async () => {
    await using opened = await startLive()
    const { store, folder, live } = opened
    const named = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    {
      await using server = await startServer(store, folder.cache, { named })
      await untilReady(server)
      expect(await server.predict('acme.late', 1)).toBe(21)
      expect((await server.state()).config).toEqual(named)
    }

    const rejected = [{ ...named, kind: 'server' as const, culprits: [], why: 'it ended' }]
    await setChannel(store, live, { rejected })
    await using server = await startServer(store, folder.cache, { named })
    await untilReady(server)

    expect(await server.predict('acme.late', 1)).toBe(11)
    expect((await server.state()).config).toEqual(live)
  })

  test('stays unready on a config that never was live with a model of it broken, until it is rejected', async () => {
    await using opened = await startLive()
    const { store, folder, live } = opened
    const named = await publishBroken(store)
    await using server = await startServer(store, folder.cache, { named })

    await vi.waitUntil(async () => (await server.state()).failed.length > 0, UNTIL)
    expect(await server.isReady()).toBe(false)
    expect((await server.state()).why).toContain(
      'config 5 is not live yet, and acme.late version 2',
    )

    const rejected = [{ ...named, kind: 'model' as const, culprits: [], why: 'broken' }]
    await setChannel(store, live, { rejected })
    await untilReady(server)
    expect(await server.predict('acme.late', 1)).toBe(11)
  })

  test('takes no requests before its first config is there, rather than to deny its models', async () => {
    await using opened = await startLive()
    const { store, folder } = opened
    const release = new AbortController()
    let isHeld = false
    const slow = withFaults(store, async (_method, key) => {
      if (!key.includes('/configs/')) return
      isHeld = true
      if (!release.signal.aborted) await once(release.signal, 'abort')
    })
    await using server = await startServer(slow, folder.cache)
    // The config is fetched once the model server is up.
    await vi.waitUntil(() => isHeld && server.pid() !== undefined, UNTIL)

    const early = await server.predict('acme.late', 1).catch(String)
    release.abort()
    await untilReady(server)

    expect(early).toBe('TypeError: fetch failed')
    expect(await server.predict('acme.late', 1)).toBe(11)
  })

  test('stays unready with too much missing, and says why', async () => {
    await using opened = await startStore()
    const { store, folder } = opened
    const content = Buffer.from('no model')
    const bad = await Promise.all(
      ['acme.late', 'bolt.late'].map(
        async (name) =>
          [name, await putVersion(store, { name, version: 1, addend: 1, content })] as const,
      ),
    )
    const sha = await putConfig(store, Object.fromEntries(bad))
    await setChannel(store, { sha, seq: 3 })
    await using server = await startServer(store, folder.cache)

    await vi.waitUntil(async () => (await server.state()).failed.length === 2, UNTIL)

    expect(await server.state()).toMatchObject({
      ready: false,
      why: '2 of 2 models have no version that can be served',
    })
  })

  test('starts from its cache while the store is away, and from none that is too old', async () => {
    await using opened = await startLive()
    const { store, folder, live } = opened
    {
      await using first = await startServer(store, folder.cache)
      await untilReady(first)
      const seen = join(folder.cache, 'live.json')
      await vi.waitUntil(
        async () => (await readFile(seen, 'utf8').catch(() => '')).includes(live.sha),
        UNTIL,
      )
    }
    await rename(folder.store, `${folder.store}.away`)
    {
      await using late = await startServer(store, folder.cache, { now: inSevenHours })
      const isAway = async () => (await late.state()).why?.includes('the cache is not fresh')
      await vi.waitUntil(isAway, UNTIL)
      expect(await late.isReady()).toBe(false)
    }
    await using second = await startServer(store, folder.cache)
    await untilReady(second)

    expect(await second.predict('acme.late', 1)).toBe(11)
    expect(await second.state()).toMatchObject({
      ready: true,
      config: live,
      impaired: expect.stringContaining('there is no store at'),
    })
  })

  test('keeps the last good version of a model over its restart', async () => {
    await using opened = await startLive()
    const { store, folder } = opened
    const [name, content] = ['acme.late', Buffer.from('no model')]
    const bad = await putVersion(store, { name, version: 2, addend: 20, content })
    {
      await using first = await startServer(store, folder.cache)
      await untilReady(first)
      await setChannel(store, { sha: await putConfig(store, { [name]: bad }), seq: 5 })
      await vi.waitUntil(async () => (await first.state()).failed.length === 1, UNTIL)
    }
    await using second = await startServer(store, folder.cache)
    await untilReady(second)

    expect(await second.predict(name, 1)).toBe(11)
    expect(await second.state()).toMatchObject({ failed: [{ name, version: 2 }], models: 1 })
  })
})
