import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServiceError, status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GRPC_CASES } from './cases/grpc/index.ts'
import { GrpcClient } from './grpc-client.ts'
import { writeModels } from './models.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

let root: string
let server: TestedServer
let client: GrpcClient

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const { text, names } = await writeModels(root)
  const config = join(root, 'models.config')
  await writeFile(config, text)
  server = await startTested([`--model_config_file=${config}`])
  for (const name of names) await untilAvailable(server, name)
  client = new GrpcClient(server.grpc)
})

afterAll(async () => {
  client[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

describe.each(Object.entries(GRPC_CASES))('%s', (_group, cases) => {
  test.each(cases)('$name', async ({ method, request, expect: wanted }) => {
    const answer = client.call(method, request)

    if ('message' in wanted) return expect(await answer).toEqual(wanted.message)
    const error: ServiceError = await answer.then(
      (message) => expect.fail(`it was answered: ${JSON.stringify(message)}`),
      (reason) => reason,
    )
    expect([status[error.code], error.details]).toEqual([
      wanted.code,
      wanted.details ?? error.details,
    ])
    for (const part of wanted.contains ?? []) expect(error.details).toContain(part)
  })
})
