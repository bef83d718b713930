import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askAll, askAllTheTime } from '../support/ask.ts'
import { type LocalDrover, startLocalDrover } from '../support/local.ts'
import { onboardLate, settle, startNeighbour, writeRows } from '../support/models.ts'
import { FLIGHTS, makeCsv, ROW } from '../support/rows.ts'

const TEST_MS_MAX = 120_000

let drover: LocalDrover
let expectNeighbourAnswered: () => Promise<void>

/** A folder to push from, with these files. */
async function makeFolder(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(drover.home, name)
  await mkdir(folder)
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content)
  return folder
}

/** A folder to push from, with the SavedModel that was trained here for another model. */
async function copyModel(tenant: string, name: string): Promise<string> {
  const folder = await makeFolder(name, {})
  const trained = join(drover.home, 'store', 'models', tenant, 'late', '1', 'saved_model.pb')
  await copyFile(trained, join(folder, 'saved_model.pb'))
  return folder
}

beforeAll(async () => {
  drover = await startLocalDrover()
  expectNeighbourAnswered = await startNeighbour(drover)
  const { code, note } = await settle(
    drover,
    'push',
    'acme.ext',
    await copyModel('neighbour', 'good'),
  )
  if (code !== 0) throw new Error(`the first version is not served: ${note}`)
}, TEST_MS_MAX)

afterAll(async () => await drover[Symbol.asyncDispose]())

/** The model of a tenant whose rows have a column more than those of the pushed one. */
async function makeOther(): Promise<string> {
  const rows = makeCsv().trim().split('\n')
  const seasons = rows.map((row, index) => `${row},${index === 0 ? 'season' : 'winter'}`)
  const path = await writeRows(drover, 'seasons.csv', `${seasons.join('\n')}\n`)
  const columns = { ...FLIGHTS.columns, season: { type: 'category' } }
  await settle(drover, ...onboardLate('seasons', path, { ...FLIGHTS, columns }))
  return await copyModel('seasons', 'other')
}

describe('a pushed version that fails in the gate leaves the one before served, and why says it', () => {
  test.each([
    [
      'no model at all',
      2,
      async () => await makeFolder('garbage', { 'saved_model.pb': 'no model at all' }),
      /it cannot be served: /,
    ],
    [
      'a model that asks its callers for more',
      3,
      makeOther,
      /callers of the live version 1 would fail: serving_default asks for the new input season/,
    ],
  ])('%s', { timeout: TEST_MS_MAX }, async (_, version, make, reason) => {
    const folder = await make()
    const before = await askAll(drover, 'acme.ext', ROW)
    const stop = askAllTheTime(drover.up.servers[0]?.rest ?? '', 'acme.ext', ROW)

    const { code, stage, note } = await settle(drover, 'push', 'acme.ext', folder)
    const why = await drover.run('why', 'acme')

    expect(Object.keys(await stop())).toEqual(['200'])
    expect({ code, stage }).toEqual({ code: 7, stage: 'rejected' })
    expect(note).toMatch(reason)
    expect(note).toContain('(version 1 is still served)')
    const line = why.stdout.split('\n').find((each) => each.includes(`version ${version} judged`))
    expect(line).toMatch(reason)
    expect(line).toContain('judged by gate: failed')
    expect(await askAll(drover, 'acme.ext', ROW)).toEqual(before)
    await expectNeighbourAnswered()
  })
})

describe('a push is refused at once', () => {
  const MODEL = { 'saved_model.pb': '' }

  test.each<[string, Record<string, string>, string]>([
    ['without a model', { 'model.txt': 'x' }, 'saved_model.pb is missing'],
    ['with a verdict of its own', { ...MODEL, 'VERDICT.json': '{}' }, 'VERDICT.json has a name'],
    ['of an empty folder', {}, 'saved_model.pb is missing'],
  ])('%s', async (what, files, text) => {
    const folder = await makeFolder(what.replaceAll(' ', '-'), files)

    const { code, stderr } = await drover.run('push', 'acme.ext', folder)

    expect(code).toBe(2)
    expect(stderr).toContain(text)
    await expectNeighbourAnswered()
  })

  test('with a link', async () => {
    const folder = await makeFolder('linked', MODEL)
    await symlink('/etc/passwd', join(folder, 'passwd'))

    const { code, stderr } = await drover.run('push', 'acme.ext', folder)

    expect(code).toBe(2)
    expect(stderr).toContain('passwd is no plain file')
    await expectNeighbourAnswered()
  })

  test('for a model that is trained here', async () => {
    const folder = await makeFolder('trained', MODEL)

    const { code, stderr } = await drover.run('push', 'neighbour.late', folder)

    expect(code).toBe(5)
    expect(stderr).toContain('neighbour.late is trained here')
    await expectNeighbourAnswered()
  })
})
