// A version that TensorFlow wrote is copied in parts, with pauses: the one before it serves until the
// copy is whole.

import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { preparePython, runPython } from '../support/python.ts'
import { EVENTUALLY, startWorld, type World } from './world.ts'

const PREPARE_MS_MAX = 10 * 60_000
/** The answers of the versions of `half` to 2. */
const ANSWERS = { 1: 2, 2: 3 }
const DATA = 'variables/variables.data-00000-of-00001'

let source: string
let world: World

beforeAll(async () => {
  const python = await preparePython()
  source = await mkdtemp(join(tmpdir(), 'drover-half-copies-'))
  await runPython(python, 'serving_models.py', { root: source })
  world = await startWorld()
}, PREPARE_MS_MAX)

afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await rm(source, { recursive: true, force: true })
})

test('a copy without its checkpoint is not loaded until all of it is there', async () => {
  const model = join(world.root, 'half')
  const copy = async (path: string): Promise<void> =>
    await cp(join(source, 'half/2', path), join(model, '2', path))
  expect(await readdir(join(source, 'half/2/variables'))).toContain('variables.index')
  await cp(join(source, 'half/1'), join(model, '1'), { recursive: true })
  await world.configure('half', model)
  await world.until('half', ['1 AVAILABLE'])

  await mkdir(join(model, '2/variables'), { recursive: true })
  await copy('saved_model.pb')
  await expect
    .poll(async () => await world.faults('half'), EVENTUALLY)
    .toEqual([expect.stringMatching(/variables\/variables\.index is missing/)])
  expect(await world.states('half')).toEqual(['2 END', '1 AVAILABLE'])
  expect(await world.ask('half')).toBe(ANSWERS[1])

  await copy('variables/variables.index')
  await expect
    .poll(async () => await world.faults('half'), EVENTUALLY)
    .toEqual([expect.stringContaining(`${DATA} is missing`)])
  expect(await world.states('half')).toEqual(['2 END', '1 AVAILABLE'])
  expect(await world.ask('half')).toBe(ANSWERS[1])

  await copy(DATA)
  await world.untilAnswers('half', ANSWERS[2])
})
