// A models.config that is wrong as a whole changes nothing under a running server (section 4).

import { truncate } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { plus } from './models/small.ts'
import { EVENTUALLY, startWorld, waitFor, type World } from './world.ts'

let world: World
let proofs = 0

beforeAll(async () => {
  world = await startWorld()
  await world.add('good', { '1': plus(1) })
  await world.untilAnswers('good', 3)
})

afterAll(async () => await world[Symbol.asyncDispose]())

/** Writes a text of which nothing can be served, and waits until the server has complained. */
async function refuseText(text: string, complaint: RegExp): Promise<void> {
  const mark = world.server.mark()
  await world.write(text)
  await waitFor(
    async () => world.server.said(mark),
    (said) => complaint.test(said),
  )
}

/** Puts the good config back, with one model more, and waits for that: so it was read. */
async function proveReading(): Promise<void> {
  const name = `proof-${proofs++}`
  await world.add(name, { '1': plus(1) })
  await world.untilAnswers(name, 3)
}

test('an empty list serves nothing, and a later one does', async () => {
  await world.write('model_config_list {}')
  await world.untilAnswers('good', 404)

  await world.write(world.text())

  await expect.poll(() => world.ask('good'), EVENTUALLY).toBe(3)
})

test('a config that is cut off changes nothing', async () => {
  await refuseText(world.text().slice(0, -20), /models\.config/)

  expect(await world.ask('good')).toBe(3)
  await proveReading()
})

test('a config that is cut off where it lies changes nothing', async () => {
  const mark = world.server.mark()
  await truncate(world.configPath, 40)
  await waitFor(
    async () => world.server.said(mark),
    (said) => said.includes('models.config'),
  )

  expect(await world.ask('good')).toBe(3)
  await proveReading()
})

test.each([
  ['nothing', ''],
  ['white space', ' \n\t\n'],
  ['a comment', '# nothing\n'],
])('a config of %s changes nothing', async (_name, text) => {
  await refuseText(text, /Cannot transition to requested config/)

  expect(await world.ask('good')).toBe(3)
  await proveReading()
})

test('a config with a model twice changes nothing', async () => {
  const twice = world.text().replace(/\n\}\n$/, (end) => `${world.text().split('\n')[1]}${end}`)
  await refuseText(twice, /Illegal to list model good multiple times in config list/)

  expect(await world.ask('good')).toBe(3)
  await proveReading()
})
