import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { FLAG_CASES, METRICS_PATH, TIMEOUT_MS } from './cases/rest/flags.ts'
import { REST_CASES } from './cases/rest/index.ts'
import { defineRestTests } from './check-rest.ts'
import { writeModels } from './models.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

let root: string
let plain: TestedServer
let flagged: TestedServer

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const { text, names } = await writeModels(root)
  const [config, monitoring] = [join(root, 'models.config'), join(root, 'monitoring.config')]
  await writeFile(config, text)
  await writeFile(monitoring, `prometheus_config { enable: true, path: "${METRICS_PATH}" }`)
  const models = `--model_config_file=${config}`
  const flags = [
    '--rest_api_enable_cors_support',
    `--monitoring_config_file=${monitoring}`,
    `--rest_api_timeout_in_ms=${TIMEOUT_MS}`,
  ]
  ;[plain, flagged] = await Promise.all([startTested([models]), startTested([models, ...flags])])
  for (const server of [plain, flagged])
    for (const name of names) await untilAvailable(server, name)
})

afterAll(async () => {
  await Promise.all([plain[Symbol.asyncDispose](), flagged[Symbol.asyncDispose]()])
  await rm(root, { recursive: true, force: true })
})

describe('a server without flags', () => {
  defineRestTests(REST_CASES, () => plain)
})
describe('a server with flags', () => {
  defineRestTests(FLAG_CASES, () => flagged)
})
