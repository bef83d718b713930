// HandleReloadConfigRequest (section 4): the whole list anew, and what failed by name.

import type { JsonObject } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GrpcClient } from './grpc-client.ts'
import { writeModel } from './models.ts'
import { plus } from './models/small.ts'
import { askMeanwhile, startWorld, type World } from './world.ts'

const RELOAD_MS_MAX = 15_000
const METHOD = 'HandleReloadConfigRequest'

let world: World
let client: GrpcClient
let basePath: string

beforeAll(async () => {
  world = await startWorld(['--model_config_file_poll_wait_seconds=0'])
  client = new GrpcClient(world.server.grpc)
  basePath = await writeModel(world.root, 'one', { '1': plus(1) })
})

afterAll(async () => {
  client[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

const entry = (name: string, path = basePath, more: JsonObject = {}): JsonObject => ({
  name,
  basePath: path,
  modelPlatform: 'tensorflow',
  ...more,
})
const reload = async (...config: readonly JsonObject[]) =>
  await client.call(METHOD, { config: { modelConfigList: { config: [...config] } } })

test('what it lists is served when it answers, and nothing else is', async () => {
  expect(await reload(entry('a'), entry('b'))).toEqual({ status: {} })
  expect(await Promise.all([world.ask('a'), world.ask('b')])).toEqual([3, 3])

  await reload(entry('b'), entry('c'))

  expect(await Promise.all([world.ask('b'), world.ask('c')])).toEqual([3, 3])
  await world.untilAnswers('a', 404)
})

test('the same list again changes nothing', async () => {
  await reload(entry('same'))

  expect(await reload(entry('same'))).toEqual({ status: {} })
  expect(await world.states('same')).toEqual(['1 AVAILABLE'])
})

test('an empty list unloads everything', async () => {
  await reload(entry('gone'))

  expect(await reload()).toEqual({ status: {} })

  await world.untilAnswers('gone', 404)
})

test('it says by name which models failed, and serves the others', async () => {
  const broken = await writeModel(world.root, 'broken', { '1': Buffer.from('no SavedModel') })
  const startMs = performance.now()

  const answer = reload(
    entry('fine'),
    entry('broken-one', broken),
    entry('nowhere', `${world.root}/nowhere`),
  )

  await expect(answer).rejects.toMatchObject({
    details: expect.stringMatching(/(?=.*broken-one)(?=.*nowhere)/s),
  })
  await expect(answer).rejects.not.toMatchObject({ details: expect.stringContaining('fine') })
  expect(performance.now() - startMs).toBeLessThan(RELOAD_MS_MAX)
  expect(await world.ask('fine')).toBe(3)
})

test('a config with a fault changes nothing', async () => {
  await reload(entry('kept'))

  await expect(reload(entry('kept'), entry('kept'))).rejects.toMatchObject({
    details: 'Illegal to list model kept multiple times in config list',
  })
  await expect(reload(entry('other', 'relative'))).rejects.toMatchObject({ code: 3 })

  expect(await world.ask('kept')).toBe(3)
  expect(await world.ask('other')).toBe(404)
})

test('a premature label is refused by name, and holds up nobody', async () => {
  const answer = reload(entry('calm'), entry('hasty', basePath, { versionLabels: { next: '2' } }))

  await expect(answer).rejects.toMatchObject({ details: expect.stringContaining('hasty') })
  expect(await world.ask('calm')).toBe(3)
  expect(await world.ask('hasty')).toBe(3)
})

test('labels and policies are taken over', async () => {
  const versions = await writeModel(world.root, 'many', { '1': plus(1), '2': plus(2) })
  const all = { modelVersionPolicy: { all: {} } }

  await reload(entry('many', versions, { ...all, versionLabels: { old: '1', new: '2' } }))

  await world.until('many', ['2 AVAILABLE', '1 AVAILABLE'])
  expect(await world.ask('many/labels/old')).toBe(3)
  expect(await world.ask('many/labels/new')).toBe(4)
})

test('of two at once both are answered, and one list is served', async () => {
  const lists = ['left', 'right'].map((side) => [1, 2, 3].map((index) => `${side}-${index}`))

  await Promise.all(lists.map(async (names) => await reload(...names.map((name) => entry(name)))))

  const served = await Promise.all(
    lists.map(async (names) => await Promise.all(names.map((name) => world.ask(name)))),
  )
  const last = served.findIndex((answers) => answers.every((answer) => answer === 3))
  expect(last).toBeGreaterThanOrEqual(0)
  for (const name of lists[1 - last] ?? []) await world.untilAnswers(name, 404)
})

test('no request fails while lists are taken over', async () => {
  await reload(entry('steady'))

  const answers = await askMeanwhile(world, 'steady', async () => {
    for (let turn = 0; turn < 10; turn++) await reload(entry('steady'), entry(`turn-${turn}`))
  })

  expect(new Set(answers)).toEqual(new Set([3]))
})
