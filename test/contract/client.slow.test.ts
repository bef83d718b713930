import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { preparePython, runPython } from '../support/python.ts'
import { configList, configOf } from './models.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

const PREPARE_MS_MAX = 10 * 60_000
/** What the client's script checks; fewer were not all run. */
const CHECKS_MIN = 41
const ALL =
  'model_version_policy { latest { num_versions: 2 } } version_labels { key: "stable" value: 2 }'

const Checks = z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() }))

let root: string
let server: TestedServer
let tagged: TestedServer
let python: string
let expected: object

beforeAll(async () => {
  python = await preparePython()
  root = await mkdtemp(join(tmpdir(), 'drover-client-'))
  expected = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(await runPython(python, 'serving_models.py', { root })))
  const names = await readdir(root)
  const entries = names.map((name) => configOf(name, join(root, name), name === 'half' ? ALL : ''))
  const config = join(root, 'models.config')
  await writeFile(config, configList(entries))
  server = await startTested([`--model_config_file=${config}`])
  for (const name of names) await untilAvailable(server, name)
  tagged = await startTested([
    '--model_name=tags',
    `--model_base_path=${join(root, 'tags')}`,
    '--saved_model_tags=serve,other',
  ])
  await untilAvailable(tagged, 'tags')
}, PREPARE_MS_MAX)

afterAll(async () => {
  await Promise.all([server, tagged].map(async (each) => await each[Symbol.asyncDispose]()))
  await rm(root, { recursive: true, force: true })
})

test('TensorFlow Serving’s own client gets from models of TensorFlow what it is owed', async () => {
  const given = { grpc: server.grpc, rest: server.rest, tagged: tagged.grpc, root, ...expected }
  const checks = Checks.parse(JSON.parse(await runPython(python, 'serving_client.py', given)))
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  expect(checks.length).toBeGreaterThanOrEqual(CHECKS_MIN)
})
