// Which versions on disk are served, and how they come and go (section 5).

import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { writeModel } from './models.ts'
import { plus } from './models/small.ts'
import { askMeanwhile, EVENTUALLY, startWorld, type World } from './world.ts'

const ALL = 'model_version_policy { all {} }'
const latest = (count: number): string =>
  `model_version_policy { latest { num_versions: ${count} } }`

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(async () => await world[Symbol.asyncDispose]())

describe.concurrent('a policy', () => {
  const versions = { '1': plus(1), '2': plus(2), '3': plus(3) }
  test.for<[string, string, string[]]>([
    ['none', '', ['3 AVAILABLE']],
    ['latest 2', latest(2), ['3 AVAILABLE', '2 AVAILABLE']],
    ['latest 0', latest(0), ['3 AVAILABLE']],
    ['all', ALL, ['3 AVAILABLE', '2 AVAILABLE', '1 AVAILABLE']],
    [
      'specific',
      'model_version_policy { specific { versions: 1 versions: 2 } }',
      ['2 AVAILABLE', '1 AVAILABLE'],
    ],
    [
      'specific, one of them missing',
      'model_version_policy { specific { versions: 1 versions: 9 } }',
      ['1 AVAILABLE'],
    ],
  ])('of %s', async ([name, policy, states], { expect }) => {
    const model = `policy-${name.replaceAll(/\W+/g, '-')}`
    await world.add(model, versions, policy)

    // On a busy machine an older folder may be still before the newest is, and serve until then.
    const served = async () => (await world.states(model)).filter((each) => !each.endsWith('END'))
    await expect.poll(served, EVENTUALLY).toEqual(states)
  })

  test('that changes loads and unloads what it says', async ({ expect }) => {
    const basePath = await world.add('changing', versions, latest(1))
    await world.until('changing', ['3 AVAILABLE'])

    await world.configure('changing', basePath, 'model_version_policy { specific { versions: 1 } }')

    await world.until('changing', ['3 END', '1 AVAILABLE'])
    expect(await world.ask('changing')).toBe(3)
  })
})

test.concurrent('folders are versions if they are whole numbers', async ({ expect }) => {
  const model = plus(1)
  await world.add(
    'named',
    {
      '007': model,
      '20170111173521': model,
      v8: model,
      '9.0': model,
      '9.tmp': model,
      '9 9': model,
    },
    ALL,
  )

  await expect
    .poll(() => world.states('named'), EVENTUALLY)
    .toEqual(['20170111173521 AVAILABLE', '7 AVAILABLE'])
})

test.concurrent('a new version takes the place of the old one, which answers until then', async ({
  expect,
}) => {
  await world.add('swap', { '1': plus(1) })
  await world.untilAnswers('swap', 3)

  const answers = await askMeanwhile(world, 'swap', async () => {
    await writeModel(world.root, 'swap', { '2': plus(2) })
    await world.until('swap', ['2 AVAILABLE', '1 END'])
  })

  expect(new Set(answers)).toEqual(new Set([3, 4]))
})

test.concurrent('a version that does not load leaves the old one', async ({ expect }) => {
  await world.add('stays', { '1': plus(1) })
  await world.untilAnswers('stays', 3)

  await writeModel(world.root, 'stays', { '2': Buffer.from('no SavedModel') })

  await world.until('stays', ['2 END', '1 AVAILABLE'])
  expect(await world.ask('stays')).toBe(3)
})

test.concurrent('a version whose folder goes is unloaded, down to the last', async ({ expect }) => {
  const basePath = await world.add('shrinks', { '1': plus(1), '2': plus(2) }, ALL)
  await world.until('shrinks', ['2 AVAILABLE', '1 AVAILABLE'])

  await rm(join(basePath, '2'), { recursive: true })
  await world.until('shrinks', ['2 END', '1 AVAILABLE'])
  expect(await world.ask('shrinks')).toBe(3)
  await rm(join(basePath, '1'), { recursive: true })

  await world.untilAnswers('shrinks', 404)
})

test.concurrent('a folder that is renamed away and back is a version no more, and again', async ({
  expect,
}) => {
  const basePath = await world.add('denied', { '2': plus(2), '5': plus(5) }, ALL)
  await world.until('denied', ['5 AVAILABLE', '2 AVAILABLE'])

  await rename(join(basePath, '5'), join(basePath, '5.denied'))
  await world.until('denied', ['5 END', '2 AVAILABLE'])
  await rename(join(basePath, '5.denied'), join(basePath, '5'))

  await expect
    .poll(() => world.states('denied'), EVENTUALLY)
    .toEqual(['5 AVAILABLE', '2 AVAILABLE'])
})

test.concurrent('a version that is still being written is not touched', async ({ expect }) => {
  const basePath = await world.add('growing', { '1': plus(1) })
  await world.untilAnswers('growing', 3)
  const whole = plus(2)
  await mkdir(join(basePath, '2'))
  await writeFile(join(basePath, '2', 'saved_model.pb'), whole.subarray(0, whole.length / 2))

  await writeFile(join(basePath, '2', 'saved_model.pb'), whole)

  await world.until('growing', ['2 AVAILABLE', '1 END'])
  expect(await world.ask('growing')).toBe(4)
})

test.concurrent('a folder without versions holds up nobody', async ({ expect }) => {
  await mkdir(join(world.root, 'bare', 'not-a-number'), { recursive: true })
  await world.configure('bare', join(world.root, 'bare'))
  await world.add('full', { '1': plus(1) })

  await world.untilAnswers('full', 3)
  expect(await world.states('bare')).toEqual([])
})
