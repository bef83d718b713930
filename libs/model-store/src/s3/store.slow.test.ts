import { mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeContract } from '../contract.fixture.ts'
import { text } from '../contract-files.fixture.ts'
import { describeModel } from '../model.fixture.ts'
import { openStore } from '../open.ts'
import { numbers, race } from '../race.fixture.ts'
import { OBJECT_BYTES_MAX } from '../store.ts'
import { startCuttingProxy } from './cutting-proxy.fixture.ts'
import { isGatewayThere, startGateway } from './gateway.fixture.ts'

// Where there is neither Go nor a gateway, `test/skipped.json` has the reason, and the run prints it.

const BUILD_MS_MAX = 15 * 60_000
const STATE = 'a/c.json'

describe.skipIf(!isGatewayThere())('a store on S3', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>
  let folder: string
  let stores = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-s3-files-'))
    gateway = await startGateway()
  }, BUILD_MS_MAX)

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })

  const locationOf = (prefix: string, endpoint = gateway.endpoint) =>
    `s3://${gateway.bucket}/${prefix}?endpoint=${encodeURIComponent(endpoint)}`
  /** The prefix is the name of the directory. */
  const reopen = async (directory: string, options?: { create: boolean }) =>
    await openStore(locationOf(basename(directory)), options)
  async function open() {
    const directory = join(gateway.directory, `store-${stores++}`)
    return { directory, store: await reopen(directory), reopen }
  }

  describeContract(open)
  describeModel(async () => (await open()).store)

  test('refuses to read what is too large or no state', async () => {
    const { directory, store } = await open()
    await store.create('a/b', '')
    await truncate(join(directory, 'a/b'), OBJECT_BYTES_MAX + 1)
    await store.swap(STATE, { from: undefined, first: 0, content: 'x' })
    await writeFile(join(directory, `${STATE}.d`), '{"seq":0}')

    await expect(store.read('a/b')).rejects.toMatchObject({ code: 'CORRUPT' })
    await expect(store.readState(STATE)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  test('keeps names with characters that XML or URLs cannot hold', async () => {
    const { store } = await open()
    const names = ['%41', 'a b', 'a&<b', 'a+b', 'ü\u{1f411}']
    for (const name of names) await store.create(`odd/${name}`, name)

    expect(await store.list('odd')).toEqual(names)
    for (const name of names) expect(text(await store.read(`odd/${name}`))).toBe(name)
  })

  test('shows no folder that other tools have marked with an object of its own', async () => {
    const { directory, store } = await open()
    await store.create('t/a/x', '')
    const client = new S3Client({
      endpoint: gateway.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
    })
    for (const marker of ['t/', 't/empty/'])
      await client.send(
        new PutObjectCommand({ Bucket: gateway.bucket, Key: `${basename(directory)}/${marker}` }),
      )
    client.destroy()

    expect(await store.listDeep('t')).toEqual(['a/x'])
    expect(await store.listDeep('t/empty')).toEqual([])
  })

  test('gives each object and each state to one of many processes', async () => {
    const [writers, rounds] = [4, 15]
    const directory = locationOf('race')

    const won = await race(directory, { writers, rounds })

    expect(won).toEqual({ created: numbers(rounds), swapped: numbers(writers * rounds) })
  })

  test('knows its own write when the answer to it was lost', async () => {
    await using proxy = await startCuttingProxy(gateway.endpoint)
    await using store = await openStore(locationOf('lost', proxy.endpoint))
    const source = join(folder, 'lost')
    await writeFile(source, 'content')
    const swap = async (from: number | undefined) =>
      await store.swap(STATE, { from, first: 0, content: 'same' })

    for (const write of [
      async () => await store.create('a/b', 'x'),
      async () => await swap(undefined),
      async () => await swap(0),
      async () => (await store.createFile('a/f', source)).created,
    ]) {
      proxy.cut('PUT')
      expect(await write()).toBe(true)
      expect(proxy.left()).toBe(0)
    }

    expect(await store.create('a/b', 'x')).toBe(false)
    expect(await swap(0)).toBe(false)
    expect(await store.readState(STATE)).toMatchObject({ seq: 1 })
  })

  test('goes on with a download where it was cut', async () => {
    await using proxy = await startCuttingProxy(gateway.endpoint)
    await using store = await openStore(locationOf('cut', proxy.endpoint))
    const [source, target] = [join(folder, 'cut'), join(folder, 'cut.fetched')]
    const content = 'drover '.repeat(1_000_000)
    await writeFile(source, content)
    const held = await store.createFile('a/b', source)

    for (const afterBytes of [1_000_000, 10, 2_500_000]) proxy.cut('GET', afterBytes)
    await store.fetchFile('a/b', target, held)

    expect(proxy.left()).toBe(0)
    expect(await readFile(target, 'utf8')).toBe(content)
  })

  test('is away, and comes back, with its bucket', async () => {
    const { directory, store } = await open()
    await store.create('a/b', 'x')
    const bucket = join(directory, '..')
    await rename(bucket, `${bucket}-away`)

    await expect(store.read('a/b')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(store.create('a/c', 'x')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(store.list('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })

    await rename(`${bucket}-away`, bucket)
    expect(text(await store.read('a/b'))).toBe('x')
  })
})
