// The same REST cases where TensorFlow itself runs every model.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { REST_CASES } from './cases/rest/index.ts'
import { defineRestTests } from './check-rest.ts'
import { writeModels } from './models.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

let root: string
let server: TestedServer

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const { text, names } = await writeModels(root)
  const config = join(root, 'models.config')
  await writeFile(config, text)
  server = await startTested([`--model_config_file=${config}`, '--engine=tensorflow'])
  for (const name of names) await untilAvailable(server, name)
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

describe('TensorFlow', () => {
  defineRestTests(REST_CASES, () => server)
})
