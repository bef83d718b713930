import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { preparePython, runPython } from '../support/python.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

const PREPARE_MS_MAX = 10 * 60_000
const NAMES = ['half', 'echo', 'words', 'sleepy', 'examples', 'keras']
/** What the client's script checks; one that is missing was not run. */
const CHECKS_MIN = 17

const Checks = z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() }))

let root: string
let server: TestedServer
let python: string
let expected: object

beforeAll(async () => {
  python = await preparePython()
  root = await mkdtemp(join(tmpdir(), 'drover-client-'))
  expected = z
    .object({ keras: z.looseObject({}) })
    .parse(JSON.parse(await runPython(python, 'serving_models.py', { root })))
  const models = NAMES.map((name) => {
    const more =
      name === 'half'
        ? 'model_version_policy { latest { num_versions: 2 } } version_labels { key: "stable" value: 2 }'
        : ''
    return `config { name: "${name}" base_path: "${root}/${name}" model_platform: "tensorflow" ${more} }`
  })
  const config = join(root, 'models.config')
  await writeFile(config, `model_config_list {\n${models.join('\n')}\n}\n`)
  server = await startTested([`--model_config_file=${config}`])
  for (const name of NAMES) await untilAvailable(server, name)
}, PREPARE_MS_MAX)

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

test('TensorFlow Serving’s own client gets from models of TensorFlow what it is owed', async () => {
  const given = { grpc: server.grpc, rest: server.rest, root, ...expected }
  const checks = Checks.parse(JSON.parse(await runPython(python, 'serving_client.py', given)))
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  expect(checks.length).toBeGreaterThanOrEqual(CHECKS_MIN)
})
