import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { InferenceError } from './errors.ts'
import {
  decodeModel,
  readContents,
  readModelBytes,
  readModelFiles,
  readOutline,
} from './model-files.ts'
import { startFolder } from './sample-folder.ts'

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

/** A field that is a text or a message. */
const field = (number: number, ...parts: (string | Buffer)[]): Buffer => {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.of(number * 8 + 2, value.length), value])
}
/** A variable that is restored from a checkpoint, and a file of words. */
const MODEL = field(
  2,
  field(1, field(4, 'serve')),
  field(
    2,
    field(1, field(1, 'w'), field(2, 'VariableV2')),
    field(1, field(1, 'restore'), field(2, 'Assign'), field(3, 'w')),
  ),
  field(3, field(3, 'restore')),
  field(6, field(2, 'lists/words.txt')),
)
const INDEX = 'variables/variables.index'
const WORDS = 'assets/lists/words.txt'

async function write(...paths: string[]): Promise<string> {
  const directory = await folder.add(MODEL)
  await mkdir(join(directory, 'variables'))
  await mkdir(join(directory, 'assets/lists'), { recursive: true })
  for (const path of paths) await writeFile(join(directory, path), 'abc')
  return directory
}

test('a model with its checkpoint and its assets is read; assets count in no size', async () => {
  const directory = await write(INDEX, WORDS)

  const { sizeBytes, graphBytes } = await readModelFiles(directory)

  expect([graphBytes, sizeBytes]).toEqual([MODEL.length, MODEL.length + 3])
})

test.each([
  ['the index of its checkpoint', INDEX, WORDS],
  ['a file that it names', WORDS, INDEX],
])('a model without %s is not loaded', async (_, missing, there) => {
  const directory = await write(there, 'variables/variables.data-00000-of-00001')

  await expect(readModelFiles(directory)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    message: `the model in ${directory} is refused: ${missing} is missing`,
  })
})

test('an outline reads the graph alone and knows what else there is', async () => {
  const directory = await write(INDEX, WORDS)

  const outline = await readOutline(directory)
  const whole = await readContents(directory, outline)

  expect(outline).toMatchObject({ unread: [INDEX, WORDS], unreadBytes: 6 })
  expect([outline.checkpoint.size, outline.assets.size]).toEqual([0, 0])
  expect(whole).toEqual(await readModelBytes(directory))
  expect(whole).toMatchObject({ unread: [], unreadBytes: 0 })
  expect([[...whole.checkpoint.keys()], [...whole.assets.keys()]]).toEqual([
    [INDEX],
    ['lists/words.txt'],
  ])
})

test.each([
  ['assets', WORDS, 64, [INDEX], 3],
  ['variables', 'variables/variables.data-00000-of-00001', 512, [WORDS], 512 * 2 ** 20 + 4],
])(
  '%s that are too large for us are left to TensorFlow',
  async (_, path, mebibytes, unread, size) => {
    const directory = await write(INDEX, WORDS, path)
    await truncate(join(directory, path), mebibytes * 2 ** 20 + 1)

    const outline = await readOutline(directory)

    expect(outline).toMatchObject({ unread, sizeBytes: MODEL.length + size })
    expect(outline.files).toContain(path)
  },
)

test.each([
  ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
  ['a link to nothing', (path: string) => symlinkSync('nothing', path)],
])('%s among the files, which TensorFlow would open, is refused', async (_name, make) => {
  const directory = await write(INDEX, WORDS)
  make(join(directory, 'assets/more'))

  await expect(readOutline(directory)).rejects.toMatchObject({ code: 'LOAD_FAILED' })
})

test('folders that are not there hold nothing', async () => {
  const directory = await write()
  await rm(join(directory, 'variables'), { recursive: true })
  await rm(join(directory, 'assets'), { recursive: true })

  const bytes = await readModelBytes(directory)

  expect(bytes).toMatchObject({ files: [], sizeBytes: MODEL.length })
  expect(() => decodeModel(directory, bytes)).toThrow(INDEX)
})

test('a model that would read files of the machine is refused before any engine sees it', async () => {
  const graph = field(2, field(1, field(1, 'y'), field(2, 'ReadFile')))
  const directory = await folder.add(field(2, field(1, field(4, 'serve')), graph))

  await expect(readModelFiles(directory)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    message: `the model in ${directory} is refused: the node y is ReadFile, which reads files`,
  })
})

test('a function that calls itself is refused: TensorFlow would follow it until its process ends', async () => {
  const calls = field(3, field(1, 'again'), field(2, 'f'))
  const library = field(2, field(1, field(1, field(1, 'f')), calls))
  const directory = await folder.add(field(2, field(1, field(4, 'serve')), field(2, library)))

  await expect(readModelFiles(directory)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    message: `the model in ${directory} is refused: the function f calls itself`,
  })
})

test.each([
  ['out of the model', '/etc/hostname', 'LOAD_FAILED'],
  ['in it', '../saved_model.pb', undefined],
])('an asset that is a link %s', async (_name, target, code) => {
  const directory = await write(INDEX)
  await symlink(target, join(directory, WORDS.replace('lists/', '')))
  await symlink(target.startsWith('/') ? target : join('..', target), join(directory, WORDS))

  const found = await readModelFiles(directory).catch((error: unknown) => error)

  expect(found instanceof InferenceError ? found.code : undefined).toBe(code)
})
