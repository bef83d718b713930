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

test('a file with more bytes than are allowed is refused', async () => {
  await writeFile(join(folder, 'long'), 'abcd')

  await expect(readRegularFile(join(folder, 'long'), 3)).rejects.toMatchObject({ code: 'EFBIG' })
})

test('a pipe, which nobody may ever write to, is refused at once', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])

  await expect(readRegularFile(join(folder, 'pipe'), 3)).rejects.toMatchObject({ code: 'EINVAL' })
})

test('a model whose graph is a pipe cannot be loaded', async () => {
  await mkdir(join(folder, 'model'))
  execFileSync('mkfifo', [join(folder, 'model/saved_model.pb')])

  await expect(readModelFiles(join(folder, 'model'))).rejects.toMatchObject({ code: 'LOAD_FAILED' })
})

test.each(['', '/dev/null', '/dev/zero'])('%j is no regular file', async (path) => {
  await expect(readRegularFile(path === '' ? folder : path, 3)).rejects.toThrow(/regular|directory/)
})
