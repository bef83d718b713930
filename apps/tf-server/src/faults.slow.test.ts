import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { publish, setChannel } from './test-support/published.ts'
import { startReady, startServer, startStore, UNTIL, untilReady } from './test-support/server.ts'

/** Puts a folder in the way of the state file, once config 5 is delivered and not yet noted. */
const diskFullOnceDelivered = (cache: string) => ({
  now: () => {
    // The clock is read between the delivery and the note of its success.
    const state = join(cache, 'state.json')
    const text = existsSync(state) ? readFileSync(state, 'utf8') : ''
    if (/"applying":\{[^}]*"seq":5/.test(text)) mkdirSync(`${state}.next`, { recursive: true })
    return Date.now()
  },
})

/** One server for the tests that can do with the same: each has configs above those of the last. */
const fleet = await startReady()
const { nextSeq } = fleet
afterAll(async () => await fleet[Symbol.asyncDispose]())

describe('an end of the model server', () => {
  test('serves again by itself after its model server was killed', async () => {
    const { server, store } = fleet
    const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: nextSeq() }
    await server.apply(ref, nextSeq())
    const killed = server.pid() ?? 0
    const { recycles } = await server.state()

    process.kill(killed, 'SIGKILL')
    await vi.waitUntil(() => server.pid() !== killed && server.pid() !== undefined, UNTIL)
    await untilReady(server)

    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.state()).toMatchObject({
      config: ref,
      endedUnder: ref,
      recycles: recycles + 1,
    })
  })

  test('reports what ended under it also after its own restart, until a newer config comes', async () => {
    await using opened = await startStore()
    const { store, folder } = opened
    await setChannel(store, undefined)
    const ref = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    {
      await using first = await startServer(store, folder.cache)
      await untilReady(first)
      await first.apply(ref, 2)
      const killed = first.pid() ?? 0
      process.kill(killed, 'SIGKILL')
      await vi.waitUntil(async () => (await first.state()).endedUnder?.seq === 3, UNTIL)
      await untilReady(first)
    }
    await using second = await startServer(store, folder.cache)
    await untilReady(second)

    expect(await second.state()).toMatchObject({ endedUnder: ref, fence: 2 })

    const next = { sha: await publish(store, { 'acme.late': [2, 20] }), seq: 5 }
    await second.apply(next, 4)
    expect((await second.state()).endedUnder).toBeUndefined()
  })

  test('leaves out a model that no longer loads after an end of the model server', async () => {
    const { server, store, folder } = fleet
    const ref = {
      sha: await publish(store, { 'cora.late': [1, 30], 'bolt.late': [1, 1] }),
      seq: nextSeq(),
    }
    await server.apply(ref, nextSeq())
    const path = join(folder.cache, 'models/cora.late/1/saved_model.pb')
    await rm(path)
    await writeFile(path, 'no model')
    const killed = server.pid() ?? 0

    process.kill(killed, 'SIGKILL')
    await vi.waitUntil(() => server.pid() !== killed && server.pid() !== undefined, UNTIL)
    await untilReady(server)

    expect(await server.predict('cora.late', 1)).toBeUndefined()
    expect(await server.predict('bolt.late', 1)).toBe(2)
    expect(await server.state()).toMatchObject({ failed: [{ name: 'cora.late', version: 1 }] })
  })
})

describe('a full disk', () => {
  test('changes nothing when it cannot write down what it is about to apply', async () => {
    const { server, store, folder } = fleet
    const good = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: nextSeq() }
    await server.apply(good, nextSeq())
    const next = {
      sha: await publish(store, { 'acme.late': [2, 20], 'bolt.late': [1, 1] }),
      seq: nextSeq(),
    }
    const state = join(folder.cache, 'state.json')
    // A folder in the way of the next state file: what a full disk does, at a chosen moment.
    await mkdir(`${state}.next`)

    const answer = await server.apply(next, nextSeq())

    expect(answer).toMatchObject({ status: 503 })
    expect(await server.state()).toMatchObject({
      config: good,
      impaired: expect.stringContaining('state.json cannot be written'),
    })
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.predict('bolt.late', 1)).toBeUndefined()
    await rm(`${state}.next`, { recursive: true })
    expect(await server.apply(next, nextSeq())).toMatchObject({ status: 200 })
  })

  test('puts back what it served when the disk fills up while it applies', async () => {
    await using own = await startReady(diskFullOnceDelivered)
    const { server, store, folder } = own
    const good = { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 }
    await server.apply(good, 2)
    const next = {
      sha: await publish(store, { 'acme.late': [2, 20], 'bolt.late': [1, 1] }),
      seq: 5,
    }

    expect(await server.apply(next, 4)).toMatchObject({ status: 503 })

    expect(existsSync(join(folder.cache, 'state.json.next'))).toBe(true)
    expect(await server.predict('acme.late', 1)).toBe(11)
    expect(await server.predict('bolt.late', 1)).toBeUndefined()
    expect(await server.state()).toMatchObject({ config: good, ready: true, recycles: 1 })
  })
})
