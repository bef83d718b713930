import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkFolder, hintFor } from './saved-model-hint.ts'

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-hint-'))
  for (const folder of ['base/2', 'base/10', 'base/11', 'base/latest', 'other/1', 'keras'])
    await mkdir(join(root, folder), { recursive: true })
  await writeFile(join(root, 'keras', 'm.keras'), '')
  for (const folder of ['base/2', 'base/10', 'base/latest'])
    await writeFile(join(root, folder, 'saved_model.pb'), '')
})

afterAll(async () => await rm(root, { recursive: true, force: true }))

test('of a base path the newest version that is a SavedModel is named', async () => {
  expect(await hintFor(join(root, 'base'))).toBe(` (${join(root, 'base', '10')} is one)`)
})

test.each(['other', 'base/2', 'nothing'])('nothing is known of %s', async (name) => {
  expect(await hintFor(join(root, name))).toBe('')
})

test.each(['m.keras', 'm.h5'])('%s is exported first', async (name) => {
  expect(await hintFor(join(root, name))).toMatch(/model\.export/)
})

test('of a file in a SavedModel the folder is named', async () => {
  const file = join(root, 'base', '2', 'saved_model.pb')

  expect(await hintFor(file)).toBe(` (name its folder, ${join(root, 'base', '2')})`)
})

test('a file of Keras in a folder is named', async () => {
  expect(await hintFor(join(root, 'keras'))).toMatch(
    /^ \(m\.keras is a file of Keras: .*model\.export/,
  )
})

test.each([
  ['other', ': saved_model.pb is missing, so it is no SavedModel'],
  ['nothing', ' is no folder that can be read'],
])('%s is refused as a SavedModel', async (name, why) => {
  const path = join(root, name)

  await expect(checkFolder(path)).rejects.toMatchObject({ exit: 2, message: path + why })
})

test('a folder with a graph is let through', async () => {
  await expect(checkFolder(join(root, 'base', '2'))).resolves.toBeUndefined()
})
