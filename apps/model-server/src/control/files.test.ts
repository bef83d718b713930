import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { digestOfFiles } from '@drover/model-config'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { VersionFolder } from './examine.ts'
import { lookAt, verify } from './files.ts'
import { CONTROL_LIMITS, type ControlLimits } from './limits.ts'

const LIMITS = { ...CONTROL_LIMITS, unchangedMsMin: 1_000, quietMsMin: 2_000 }
/** No machine reads and digests so many in a millisecond. */
const SLOW_BYTES = 32 * 1024 * 1024
const AT = '2026-01-01T00:00:00.000Z'
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-files-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, '1', path)), { recursive: true })
    await writeFile(join(root, '1', path), text)
  }
}

/** A manifest as a run writes it. */
async function manifestOf(...paths: string[]): Promise<string> {
  const files = []
  for (const path of paths) {
    const bytes = await readFile(join(root, '1', path))
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    files.push({ path, sizeBytes: bytes.length, sha256 })
  }
  return JSON.stringify({
    format: 1,
    run: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
    request: 'r',
    born: 1,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    files,
    digest: digestOfFiles(files),
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    lineage: { recipe: 'push' },
    queuedAt: AT,
    startedAt: AT,
    at: AT,
  })
}

const ABORTED = JSON.stringify({
  format: 1,
  run: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
  request: 'r',
  born: 1,
  aborted: 'it took too long',
  by: 'somebody',
  at: AT,
})

/** A folder, and looks at it at certain times after it was written. */
function folder(limits: Partial<ControlLimits> = {}) {
  const found = new VersionFolder(root, '1', 1n)
  const start = Date.now()
  return {
    found,
    at: async (afterMs: number): Promise<string> => {
      await found.examine({ ...LIMITS, ...limits }, () => start + afterMs)
      return found.why ?? (found.accepted ? 'accepted' : 'nothing')
    },
  }
}

describe('without a manifest', () => {
  test('a version that was just written is accepted when it has not changed for a while', async () => {
    await write({ 'saved_model.pb': 'a', 'variables/variables.index': 'b' })
    const { at } = folder()

    expect(await at(0)).toBe('its files may still be being written')
    expect(await at(900)).toBe('its files may still be being written')
    expect(await at(1_000)).toBe('accepted')
  })

  test('a version that goes on changing is not', async () => {
    await write({ 'saved_model.pb': 'a' })
    const { at } = folder()
    expect(await at(0)).toContain('being written')

    await write({ 'variables/variables.data': 'b' })
    expect(await at(1_000)).toContain('being written')
    expect(await at(2_000)).toBe('accepted')
  })

  test('a version that has been there for long is accepted at once', async () => {
    await write({ 'saved_model.pb': 'a' })

    expect(await folder().at(3_000)).toBe('accepted')
  })

  test('a copy that keeps the times of what it copies is not old', async () => {
    await write({ 'saved_model.pb': 'a' })
    const past = new Date(0)
    await utimes(join(root, '1', 'saved_model.pb'), past, past)

    expect(await folder().at(0)).toContain('being written')
  })

  test('an empty directory is no version, however old it is', async () => {
    await mkdir(join(root, '1'))
    const { at } = folder()

    expect(await at(10_000)).toBe('it is empty')
    expect(await at(20_000)).toBe('it is empty')
  })

  test('a directory that is gone says so', async () => {
    expect(await folder().at(0)).toContain('it cannot be read: ENOENT')
  })

  test('what is written over it is new content, and the old one stays accepted until it is', async () => {
    await write({ 'saved_model.pb': 'a' })
    const { at, found } = folder()
    await at(3_000)
    const { accepted } = found

    await write({ 'saved_model.pb': 'other' })
    expect(await at(0)).toContain('being written')
    expect(found.accepted).toBe(accepted)

    expect(await at(1_000)).toBe('accepted')
    expect(found.accepted?.content).not.toBe(accepted?.content)
    expect(found.accepted?.sizeBytes).toBe('other'.length)
  })
})

describe('with a manifest', () => {
  test('a version is accepted at once when every byte is there', async () => {
    await write({ 'saved_model.pb': 'a', 'variables/variables.index': 'b' })
    const manifest = await manifestOf('saved_model.pb', 'variables/variables.index')
    await write({ 'MANIFEST.json': manifest })

    expect(await folder().at(0)).toBe('accepted')
  })

  test('files that do not come in time are told of, and asked for once at a time', async () => {
    await write({ 'saved_model.pb': '-'.repeat(SLOW_BYTES) })
    await write({ 'MANIFEST.json': await manifestOf('saved_model.pb') })
    const { at, found } = folder({ verifyMsMax: 1 })

    expect(await at(0)).toBe('it cannot be read: It took more than 1 ms')
    expect(await at(0)).toBe('it cannot be read: It took more than 1 ms')

    const eventually = folder()
    await vi.waitUntil(async () => (await eventually.at(0)) === 'accepted', { timeout: 30_000 })
    expect(found.accepted).toBeUndefined()
  })

  test.each([
    ['a file is missing', async () => await rm(join(root, '1', 'b')), 'b is not whole'],
    ['a file is too short', async () => await write({ b: '' }), 'b is not whole'],
    [
      'a file has other bytes',
      async () => await write({ b: 'B' }),
      'b is not what MANIFEST.json says',
    ],
    [
      'the manifest is cut off',
      async () => await write({ 'MANIFEST.json': '{"format":1,' }),
      'MANIFEST.json is not JSON',
    ],
    [
      'the manifest is of a format to come',
      async () => await write({ 'MANIFEST.json': '{"format":2,"run":"r"}' }),
      'MANIFEST.json cannot be read: format: Invalid input: expected 1',
    ],
  ])('a version in which %s is not accepted, however old it is', async (_what, spoil, why) => {
    await write({ a: 'a', b: 'b' })
    await write({ 'MANIFEST.json': await manifestOf('a', 'b') })
    await spoil()

    expect(await folder().at(10_000)).toBe(why)
  })

  test('it is accepted when the missing file comes', async () => {
    await write({ a: 'a', b: 'b' })
    await write({ 'MANIFEST.json': await manifestOf('a', 'b') })
    await rm(join(root, '1', 'b'))
    const { at } = folder()
    await at(0)

    await write({ b: 'b' })
    expect(await at(10)).toBe('accepted')
  })

  test('a version that was given up does not exist', async () => {
    await write({ a: 'a', 'MANIFEST.json': ABORTED })
    const { at, found } = folder()

    expect(await at(10_000)).toBe('nothing')
    expect(found.isAborted).toBe(true)
  })

  test('the same bytes written again are the same content', async () => {
    await write({ a: 'a' })
    await write({ 'MANIFEST.json': await manifestOf('a') })
    const { at, found } = folder()
    await at(0)
    const content = found.accepted?.content

    const later = new Date(Date.now() + 60_000)
    await utimes(join(root, '1', 'a'), later, later)
    await at(1)

    expect(found.accepted?.content).toBe(content)
  })

  test("somebody else's file of that name means nothing", async () => {
    await write({ a: 'a', 'MANIFEST.json': '{"files":["a","not there"]}' })

    expect(await folder().at(10_000)).toBe('accepted')
    expect(await verify(join(root, '1'), LIMITS)).toEqual({ kind: 'foreign' })
  })
})

test('a look changes with names, sizes and times, and stops at a number of files', async () => {
  await write({ a: 'a', 'b/c': 'c' })
  const prints = [(await lookAt(join(root, '1'), LIMITS)).fingerprint]
  await write({ 'b/d': '' })
  prints.push((await lookAt(join(root, '1'), LIMITS)).fingerprint)
  await utimes(join(root, '1', 'a'), new Date(0), new Date(0))
  prints.push((await lookAt(join(root, '1'), LIMITS)).fingerprint)
  const few = await lookAt(join(root, '1'), { ...LIMITS, filesPerVersionMax: 2 })

  expect(new Set(prints).size).toBe(3)
  expect(few.files).toBeLessThanOrEqual(2)
})
