import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Exit } from './output.ts'
import { readRemote } from './session.ts'

const PLACES = {
  format: 1,
  tokenFile: 'token',
  trainerScheduler: 'http://127.0.0.1:7401',
  configPublisher: 'http://127.0.0.1:7402',
  restarter: 'http://127.0.0.1:7403',
  servers: [{ name: 'tf-server-1', rest: 'http://127.0.0.1:8501' }],
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-remote-'))
  await writeFile(join(folder, 'token'), 'secret\n')
})

afterEach(async () => await rm(folder, { recursive: true }))

async function write(places: object): Promise<string> {
  const file = join(folder, 'remote.json')
  await writeFile(file, JSON.stringify(places))
  return file
}

test('a Drover elsewhere is reached with the token from the file beside its description', async () => {
  const reach = await readRemote(await write(PLACES))

  expect(reach).toMatchObject({ token: 'secret', servers: PLACES.servers })
})

test.each([
  ['a token file that is not there', { tokenFile: 'none' }],
  ['a URL that is none', { restarter: 'localhost' }],
  ['a field that is none of its own', { pid: 1 }],
])('a description with %s is the mistake of the caller', async (_what, change) => {
  const file = await write({ ...PLACES, ...change })

  await expect(readRemote(file)).rejects.toMatchObject({
    exit: Exit.USAGE,
    message: `DROVER_REMOTE=${file} cannot be used`,
  })
})
