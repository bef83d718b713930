import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { GrpcCase } from './cases/grpc/case.ts'
import { GRPC_CASES } from './cases/grpc/index.ts'
import { GrpcClient } from './grpc-client.ts'
import { writeModels } from './models.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

/** An error of grpc-js, with the name of its code. */
const ServiceFailure = z.object({
  code: z.number().transform((code) => status[code]),
  details: z.string(),
})

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

/** What came of a call; parts of its details that were found are left out. */
async function outcomeOf({ method, request, expect: wanted }: GrpcCase): Promise<unknown> {
  try {
    return { message: await client.call(method, request) }
  } catch (error) {
    const { code, details } = ServiceFailure.parse(error)
    if ('message' in wanted) return { code, details }
    const missing = (wanted.contains ?? []).filter((part) => !details.includes(part))
    return {
      code,
      ...(wanted.details !== undefined && { details }),
      ...(wanted.contains !== undefined && { contains: wanted.contains }),
      ...(missing.length > 0 && { missing, details }),
    }
  }
}

describe.each(Object.entries(GRPC_CASES))('%s', (_group, cases) => {
  test.each(cases)('$name', async (each) => {
    expect(await outcomeOf(each)).toEqual(each.expect)
  })
})
