import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hintFor } from './saved-model-hint.ts'

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-hint-'))
  for (const folder of ['base/2', 'base/10', 'base/11', 'base/latest', 'other/1'])
    await mkdir(join(root, folder), { recursive: true })
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
