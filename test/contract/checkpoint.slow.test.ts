// Checkpoints against TensorFlow itself: what it writes is read bit for bit, and the other way round.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  openBundle,
  readBundleIndex,
  shardFile,
  shardsInMemory,
  writeBundle,
} from '@drover/saved-model'
import { bytesOf, type Tensor } from '@drover/serving-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { preparePython, runPython } from '../support/python.ts'

const PREPARE_MS_MAX = 10 * 60_000
const SCRIPT = 'checkpoints.py'

/** A tensor as the script has it. */
const Plain = z.object({
  dtype: z.string(),
  shape: z.array(z.number()),
  bytes: z.string().optional(),
  texts: z.array(z.string()).optional(),
})
type Plain = z.infer<typeof Plain>
const Tensors = z.record(z.string(), Plain)
const Written = z.record(z.string(), z.object({ prefix: z.string(), tensors: Tensors }))
const Read = z.object({ reader: Tensors, restored: Tensors })

const base64 = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')

function plain(tensor: Tensor): Plain {
  const { dtype } = tensor
  const shape = [...tensor.shape]
  return tensor.dtype === 'DT_STRING'
    ? { dtype, shape, texts: tensor.values.map(base64) }
    : { dtype, shape, bytes: base64(bytesOf(tensor)) }
}

async function open(prefix: string) {
  const shards: Uint8Array[] = []
  const index = await readFile(`${prefix}.index`)
  const { header } = readBundleIndex(index)
  for (let shard = 0; shard < header.numShards; shard++)
    shards.push(await readFile(shardFile(prefix, shard, header.numShards)))
  return openBundle(
    index,
    shardsInMemory((shard) => shards[shard]),
  )
}

let root: string
let python: string
let written: z.infer<typeof Written>

beforeAll(async () => {
  python = await preparePython()
  root = await mkdtemp(join(tmpdir(), 'drover-checkpoint-'))
  written = Written.parse(
    JSON.parse(await runPython(python, SCRIPT, { do: 'write', directory: root })),
  )
}, PREPARE_MS_MAX)

afterAll(async () => await rm(root, { recursive: true, force: true }))

function writtenAs(kind: string): { prefix: string; tensors: Record<string, Plain> } {
  const found = written[kind]
  if (found === undefined) throw new Error(`TensorFlow wrote no checkpoint ${kind}`)
  return found
}

describe.each([
  ['all', 'every type and shape, texts, and names of all kinds', 1],
  ['many', 'more entries than go into one block', 1],
  ['partitioned', 'slices along any axes', 1],
  ['merged', 'three shards', 3],
  ['saver', 'what the saver of TensorFlow 1 makes of two devices', 3],
  ['model', 'the variables of a SavedModel', 1],
])('a checkpoint of TensorFlow: %s', (kind, _, numShards) => {
  test('is read bit for bit', async () => {
    const { prefix, tensors } = writtenAs(kind)

    const bundle = await open(prefix)

    expect(bundle.header.numShards).toBe(numShards)
    expect([...bundle.entries.keys()].toSorted()).toEqual(Object.keys(tensors).toSorted())
    for (const [name, expected] of Object.entries(tensors)) {
      const found = plain(bundle.tensor(name))
      // One text for each side, since a difference is not worth millions of lines.
      expect(JSON.stringify(found) === JSON.stringify(expected), name).toBe(true)
    }
  })

  test('is read by TensorFlow in the same way once it is written by us', async () => {
    const { prefix, tensors } = writtenAs(kind)
    const bundle = await open(prefix)
    // Python's reader takes names for UTF-8.
    const names = Object.keys(tensors).filter((name) => !/\p{Cs}/u.test(name))
    const { index, data } = writeBundle(
      new Map(names.map((name) => [name, bundle.tensor(name)] as const)),
    )
    const ours = join(root, `ours-${kind}`)
    await writeFile(`${ours}.index`, index)
    await writeFile(shardFile(ours, 0, 1), data)

    const read = Read.parse(
      JSON.parse(await runPython(python, SCRIPT, { do: 'read', prefix: ours })),
    )

    for (const found of [read.reader, read.restored]) {
      expect(Object.keys(found).toSorted()).toEqual(names.toSorted())
      for (const [name, value] of Object.entries(found))
        expect(JSON.stringify(value) === JSON.stringify(tensors[name]), name).toBe(true)
    }
  })
})

test('a type that is not carried keeps only its own variable from being read', async () => {
  const { prefix, tensors } = writtenAs('foreign')

  const bundle = await open(prefix)

  expect(plain(bundle.tensor('carried'))).toEqual(tensors['carried'])
  expect(bundle.entries.get('quantized')).toMatchObject({ dtype: 'DT_QINT8', shape: [3] })
  expect(() => bundle.tensor('quantized')).toThrow('quantized is of DT_QINT8, which is not carried')
})
