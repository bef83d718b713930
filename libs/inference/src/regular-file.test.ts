import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readModelFiles } from './model-files.ts'
import { readRegularFile } from './regular-file.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-file-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

test('a file is read whole', async () => {
  await writeFile(join(folder, 'whole'), 'abc')

  expect(Buffer.from(await readRegularFile(join(folder, 'whole'), 3)).toString()).toBe('abc')
})

test.each([0, 1, 3, 5, 100])('so is one that was seen to have %i bytes', async (sizeSeen) => {
  await writeFile(join(folder, 'seen'), 'abc')

  const bytes = await readRegularFile(join(folder, 'seen'), 10, sizeSeen)

  expect(Buffer.from(bytes).toString()).toBe('abc')
})

test.each([0, 3, 4])(
  'a file with more bytes than are allowed is refused, seen to have %i',
  async (sizeSeen) => {
    await writeFile(join(folder, 'long'), 'abcd')

    await expect(readRegularFile(join(folder, 'long'), 3, sizeSeen)).rejects.toMatchObject({
      code: 'EFBIG',
    })
  },
)

test.each([0, 3])(
  'a pipe, which nobody may ever write to, is refused at once, seen to have %i bytes',
  async (sizeSeen) => {
    const path = join(folder, `pipe-${sizeSeen}`)
    execFileSync('mkfifo', [path])

    await expect(readRegularFile(path, 3, sizeSeen)).rejects.toMatchObject({ code: 'EINVAL' })
  },
)

test('a model whose graph is a pipe cannot be loaded', async () => {
  await mkdir(join(folder, 'model'))
  execFileSync('mkfifo', [join(folder, 'model/saved_model.pb')])

  await expect(readModelFiles(join(folder, 'model'))).rejects.toMatchObject({ code: 'LOAD_FAILED' })
})

test.each(['', '/dev/null', '/dev/zero'])('%j is no regular file', async (path) => {
  for (const sizeSeen of [0, 3])
    await expect(readRegularFile(path === '' ? folder : path, 3, sizeSeen)).rejects.toThrow(
      /regular|directory/,
    )
})
