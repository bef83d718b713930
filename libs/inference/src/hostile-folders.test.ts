// Folders that hold what is not the model's, or that somebody changes while they are read: each is refused
// by the name of the file.

import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { reasonOf } from '@drover/basics'
import { InferenceError } from './errors.ts'
import { ModelFolder } from './model-folder.ts'
import { readContents, readModelBytes, readOutline } from './model-files.ts'
import { startFolder } from './sample-folder.ts'
import { denseModel } from './sample-models.ts'

const BYTES_MAX = 1_000_000
const [DATA, WORDS] = ['variables/variables.data-00000-of-00001', 'assets/words.txt']

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const elsewhere = await folder.add(denseModel([2, 2]))
await mkdir(join(elsewhere, 'other'))
await writeFile(join(elsewhere, 'other/words.txt'), 'secret')

/** A model with variables and an asset. */
async function write(): Promise<string> {
  const directory = await folder.add(denseModel([2, 2]))
  for (const path of ['variables', 'assets']) await mkdir(join(directory, path))
  for (const path of ['variables/variables.index', DATA, WORDS])
    await writeFile(join(directory, path), 'abc')
  return directory
}

/** Why a folder is refused: all that is said, outermost first. */
async function refusalOf(read: Promise<unknown>): Promise<string> {
  const error: unknown = await read.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof InferenceError)) throw new Error('it is not refused', { cause: error })
  return reasonOf(error)
}

const replace = async (path: string, target: string) => {
  await rm(path, { recursive: true })
  await symlink(target, path)
}
const pipe = async (path: string) => {
  await rm(path)
  execFileSync('mkfifo', [path])
}

describe('a folder is refused', () => {
  test.each<[string, string, (path: string) => Promise<unknown>, string]>([
    [
      'whose graph is a link to another model',
      'saved_model.pb',
      async (path) => await replace(path, join(elsewhere, 'saved_model.pb')),
      'is a link out of the model',
    ],
    [
      'whose graph is a link to nothing',
      'saved_model.pb',
      async (path) => await replace(path, 'nowhere'),
      'ENOENT',
    ],
    [
      'whose graph is a link to itself',
      'saved_model.pb',
      async (path) => await replace(path, 'saved_model.pb'),
      'ELOOP',
    ],
    [
      'whose variables are a link to other ones',
      'variables',
      async (path) => await replace(path, join(elsewhere, 'other')),
      'is a link out of the model',
    ],
    [
      'whose assets are a link to other ones',
      'assets',
      async (path) => await replace(path, join(elsewhere, 'other')),
      'is a link out of the model',
    ],
    [
      'with a folder of assets that is a link',
      'assets/more',
      async (path) => await symlink(join(elsewhere, 'other'), path),
      'is a link out of the model',
    ],
    [
      'with a variable that is a link to a device',
      DATA,
      async (path) => await replace(path, '/dev/zero'),
      'is a link out of the model',
    ],
    [
      "with an asset that is a link into a folder whose name begins as the model's",
      WORDS,
      async (path) => {
        const beside = `${dirname(dirname(path))}-other`
        await mkdir(beside)
        await writeFile(join(beside, 'words.txt'), 'secret')
        await replace(path, join(beside, 'words.txt'))
      },
      'is a link out of the model',
    ],
    ['with variables in a pipe', DATA, pipe, 'is no regular file'],
    ['with an asset in a pipe', WORDS, pipe, 'is no regular file'],
    [
      'with an asset that is a link to a folder',
      WORDS,
      async (path) => await replace(path, '../variables'),
      'is no regular file',
    ],
  ])('%s', async (_name, file, spoil, why) => {
    const directory = await write()
    await spoil(join(directory, file))

    const refusal = await refusalOf(readModelBytes(directory))

    expect(refusal).toContain(`the model in ${directory} cannot be read: `)
    expect(refusal).toContain(why)
    expect(refusal).toContain(join(directory, file))
  })
})

describe('a model that is changed while it is read is refused: a file', () => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ['grows', async (path) => await appendFile(path, 'd')],
    ['becomes shorter', async (path) => await truncate(path, 1)],
    [
      'is replaced by one of the same size',
      async (path) => {
        await writeFile(`${path}.new`, 'xyz')
        await rename(`${path}.new`, path)
      },
    ],
    [
      'is replaced by a link to one elsewhere',
      async (path) => await replace(path, join(elsewhere, 'other/words.txt')),
    ],
    ['goes away', rm],
  ])('%s', async (_name, change) => {
    const directory = await write()
    const path = join(directory, DATA)
    const reading = new ModelFolder(directory)
    await reading.list('variables')
    await reading.read(DATA, BYTES_MAX)

    await change(path)

    await expect(reading.checkUnchanged()).rejects.toThrow(path)
  })

  test('grows after the outline of its model was read', async () => {
    const directory = await write()
    const outline = await readOutline(directory)

    await appendFile(join(directory, 'saved_model.pb'), 'd')

    expect(await refusalOf(readContents(directory, outline))).toContain(
      `${join(directory, 'saved_model.pb')} was changed while the model was read`,
    )
  })

  test('is gone before it is read', async () => {
    const directory = await write()
    const reading = new ModelFolder(directory)
    await reading.list('variables')

    await rm(join(directory, DATA))

    await expect(reading.read(DATA, BYTES_MAX)).rejects.toThrow(DATA)
  })
})

test('nothing is said of a folder that stays as it is', async () => {
  const directory = await write()
  const link = `${directory}-link`
  await symlink(directory, link)

  const { files } = await readModelBytes(link)

  expect(files.toSorted()).toEqual([WORDS, DATA, 'variables/variables.index'])
})
