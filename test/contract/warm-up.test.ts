// Warm-up records (`assets.extra/tf_serving_warmup_requests`): asked before a version is AVAILABLE.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { PredictionService } from '@drover/serving-api'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { list } from './cases/grpc/case.ts'
import { configOf, writeModel } from './models.ts'
import { plus } from './models/small.ts'
import { tfRecord } from './tf-record.ts'
import { EVENTUALLY, startWorld, type World } from './world.ts'

const RECORDS = 'assets.extra/tf_serving_warmup_requests'
/** Fields of `PredictionLog` and `PredictLog`. */
const PREDICT_LOG = 6
const REQUEST = 1

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(async () => await world[Symbol.asyncDispose]())

/** A `PredictionLog` of one Predict. */
function logOf(name: string, inputs: JsonObject): Uint8Array {
  const { input } = PredictionService.method.predict
  const request = toBinary(input, fromJson(input, { modelSpec: { name }, inputs }))
  return field(PREDICT_LOG, field(REQUEST, request))
}

/** A message of less than 128 bytes as a field. */
const field = (number: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(number * 8 + 2, content.length), content])

/** Writes a version with these records and then serves it. */
async function serve(name: string, records: Uint8Array): Promise<void> {
  const basePath = await writeModel(world.root, `${name}.new`, { '1': plus(1) })
  const file = join(basePath, '1', RECORDS)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, records)
  await world.configure(name, basePath)
}

describe.concurrent('a version', () => {
  test('with good records becomes AVAILABLE', async ({ expect }) => {
    const record = tfRecord(logOf('warm', { x: list([1, 2]) }))

    await serve('warm', Buffer.concat([record, record]))

    await expect.poll(() => world.ask('warm'), EVENTUALLY).toBe(3)
  })

  test('with an empty file of records becomes AVAILABLE', async ({ expect }) => {
    await serve('cool', new Uint8Array())

    await expect.poll(() => world.ask('cool'), EVENTUALLY).toBe(3)
  })

  test('with a record that fails does not', async ({ expect }) => {
    await serve('cold', tfRecord(logOf('cold', { unknown: list([1]) })))

    await world.until('cold', ['1 END'])
    expect(await world.faults('cold')).toEqual([expect.stringContaining('unknown')])
    expect(await world.ask('cold')).toBe(404)
  })

  test('with a damaged file of records does not', async ({ expect }) => {
    const record = tfRecord(logOf('torn', { x: list([1]) }))
    record[record.length - 1] = (record.at(-1) ?? 0) ^ 1

    await serve('torn', record)

    await expect.poll(() => world.states('torn'), EVENTUALLY).toEqual(['1 END'])
  })

  test('is not asked its records where the flag says so', async ({ expect }) => {
    await using other = await startWorld(['--enable_model_warmup=false'])
    const basePath = await writeModel(other.root, 'unasked', { '1': plus(1) })
    const file = join(basePath, '1', RECORDS)
    await mkdir(dirname(file))
    await writeFile(file, tfRecord(logOf('unasked', { unknown: list([1]) })))
    await other.write(`model_config_list { ${configOf('unasked', basePath)} }`)

    await expect.poll(() => other.ask('unasked'), EVENTUALLY).toBe(3)
  })
})
