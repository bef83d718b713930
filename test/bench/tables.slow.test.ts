// The benchmarks of many figures at their smallest: every figure can still be had. None is judged.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'

const BENCH = join(import.meta.dirname, '../dist/bench/main.js')
const PART_MS_MAX = 300_000

const run = promisify(execFile)
const Rows = z.array(
  z.object({
    name: z.string(),
    unit: z.string(),
    value: z.number(),
    floor: z.number().positive().optional(),
    goal: z.number().positive(),
    notes: z.record(z.string(), z.union([z.number(), z.string()])),
  }),
)

async function namesOf(bench: string, part: string): Promise<string[]> {
  const args = ['--enable-source-maps', BENCH, bench, part, '--quick', '--json']
  const { stdout } = await run(process.execPath, args, { timeout: PART_MS_MAX })
  return Rows.parse(JSON.parse(stdout)).map(({ name }) => name)
}

test.each([
  [
    'model-server',
    'throughput',
    [
      'REST predict, large, 2 connections',
      'REST predict, small, 2 connections',
      'gRPC predict, large, content, 2 connections',
      'gRPC predict, large, values, 2 connections',
    ],
  ],
  [
    'model-server',
    'memory',
    [
      'memory of 20 models, large',
      'time to ready of 20 models, large',
      'memory of 20 models, small',
      'time to ready of 20 models, small',
    ],
  ],
  [
    'model-server',
    'change',
    ['full reload', 'delta'].flatMap((way) => [
      `one of 30 models changed by ${way}`,
      `event loops of the threads that answer, during a ${way}`,
      `slowest answer about a state, from the control thread, during a ${way}`,
    ]),
  ],
  [
    'model-server',
    'loading',
    [
      'event-loop delay p99.9 with 10 loads/s',
      'p99.9 of other models with 10 loads/s, above steady',
    ],
  ],
  ['model-server', 'cycles', ['memory over 12 loads and unloads']],
  [
    'model-server',
    'workers',
    [
      'REST predict, large, 2 workers against 1, 32 connections',
      'memory of 5 models, large, 2 workers against 1',
    ],
  ],
  [
    'fleet',
    'start',
    [
      'start to ready from the store, 20 models',
      'start to ready from the disk cache, 20 models',
      'recycle, 20 models',
      'a model server that hangs: until it is noticed, 20 models',
    ],
  ],
  [
    'inference',
    'load',
    ['of our recipes', 'as Keras exports it', "as Python's TensorFlow saves it"].map(
      (how) => `load of 784-128-10 ${how}`,
    ),
  ],
  [
    'inference',
    'dense',
    [1, 64].map((batch) => `predict of 784-128-10, batch ${batch}, against bare onnxruntime-node`),
  ],
  [
    'inference',
    'memory',
    [
      'memory of 20 models 784-128-10 as Keras exports them, kernels',
      'memory of 10 models 784-128-10 as Keras exports them, onnxruntime',
    ],
  ],
  ['inference', 'text', ['predict of a text of 20 words, 99924 parameters']],
  ['inference', 'translation', ['reading and translation of a graph of 996 nodes']],
  [
    'inference',
    'stored',
    ['784-128-10', 'a graph of 996 nodes'].map(
      (name) => `load of ${name} on onnxruntime by a stored translation, against translating it`,
    ),
  ],
  ['fleet', 'publish', ['publish until two servers have confirmed it, p99']],
])(
  '%s: the part %s gives all its figures',
  async (bench, part, names) => {
    expect(await namesOf(bench, part)).toEqual(names)
  },
  PART_MS_MAX,
)
