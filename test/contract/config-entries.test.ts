// Entries of a models.config that come, go and change (section 4). A fault of one model is its own.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { writeModel } from './models.ts'
import { plus } from './models/small.ts'
import { EVENTUALLY, startWorld, waitFor, type World } from './world.ts'

const BROKEN = Buffer.from('no SavedModel')

const stable = (version: number): string => `version_labels { key: 'stable' value: ${version} }`

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(async () => await world[Symbol.asyncDispose]())

// Each has models of its own, and most of their time is waiting for the next look at the file.
describe.concurrent('of a running server', () => {
  test('a model takes another’s place', async ({ expect }) => {
    await world.add('first', { '1': plus(1) })
    await world.untilAnswers('first', 3)

    await world.configure('first')
    await world.add('second', { '1': plus(2) })

    await world.untilAnswers('second', 4)
    await expect.poll(() => world.ask('first'), EVENTUALLY).toBe(404)
  })

  test('a model that goes is END, and loads again when it comes back', async ({ expect }) => {
    const basePath = await world.add('comes', { '1': plus(1) })
    await world.until('comes', ['1 AVAILABLE'])

    await world.configure('comes')
    await world.untilAnswers('comes', 404)
    await world.until('comes', ['1 END'])
    await world.configure('comes', basePath)

    await world.until('comes', ['1 AVAILABLE'])
    expect(await world.ask('comes')).toBe(3)
  })

  test('another base path with another version: that one is served, the old one goes', async ({
    expect,
  }) => {
    await world.add('moves', { '1': plus(1) })
    await world.untilAnswers('moves', 3)
    const elsewhere = await writeModel(world.root, 'elsewhere', { '2': plus(5) })

    await world.configure('moves', elsewhere)

    await world.untilAnswers('moves', 7)
    await expect.poll(() => world.states('moves'), EVENTUALLY).toEqual(['2 AVAILABLE', '1 END'])
  })

  test('a model that does not load is END with its reason, and others come all the same', async ({
    expect,
  }) => {
    await world.add('broken', { '1': BROKEN })
    await world.add('beside', { '1': plus(4) })

    await world.untilAnswers('beside', 6)
    await world.until('broken', ['1 END'])
    expect(await world.faults('broken')).toEqual([expect.stringMatching(/./)])
    expect(await world.ask('broken')).toBe(404)
  })

  test('a broken version is tried again once its files are others', async ({ expect }) => {
    const basePath = await world.add('mended', { '1': BROKEN })
    await world.until('mended', ['1 END'])

    await writeFile(join(basePath, '1', 'saved_model.pb'), plus(1))

    await expect.poll(() => world.ask('mended'), EVENTUALLY).toBe(3)
  })

  test('a base path that is not there holds up nobody, and is served once it is there', async ({
    expect,
  }) => {
    await world.configure('late', join(world.root, 'late'))
    await world.add('early', { '1': plus(2) })
    await world.untilAnswers('early', 4)
    expect(await world.ask('late')).toBe(404)

    await writeModel(world.root, 'late', { '1': plus(3) })

    await world.untilAnswers('late', 5)
  })

  test('a label for a version that is not there is no label, and holds up nobody', async ({
    expect,
  }) => {
    await world.add('labelled', { '1': plus(1) }, "version_labels { key: 'next' value: 2 }")
    await world.add('unlabelled', { '1': plus(2) })
    const ask = async (): Promise<number> => await world.ask('labelled/labels/next')

    await world.untilAnswers('unlabelled', 4)
    await world.untilAnswers('labelled', 3)
    expect(await ask()).toBe(400)
  })

  test('labels of the first config of a model are there as soon as it is', async ({ expect }) => {
    await world.add('marked', { '1': plus(1) }, "version_labels { key: 'stable' value: 1 }")

    await expect.poll(() => world.ask('marked/labels/stable'), EVENTUALLY).toBe(3)
  })

  test('a label moves without a gap', async ({ expect }) => {
    const both = 'model_version_policy { all {} }'
    const versions = { '1': plus(1), '2': plus(2) }
    const basePath = await world.add('swapped', versions, `${both} ${stable(1)}`)
    await world.untilAnswers('swapped/labels/stable', 3)
    const seen = new Set<number>()

    await world.configure('swapped', basePath, `${both} ${stable(2)}`)
    await waitFor(
      async () => seen.add(await world.ask('swapped/labels/stable')),
      (answers) => answers.has(4),
    )

    expect([...seen].every((answer) => answer === 3 || answer === 4)).toBe(true)
  })
})
