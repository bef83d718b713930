// The benchmark of the model server at its smallest: every figure can still be had. None is judged.

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

async function namesOf(part: string): Promise<string[]> {
  const args = ['--enable-source-maps', BENCH, 'model-server', part, '--quick', '--json']
  const { stdout } = await run(process.execPath, args, { timeout: PART_MS_MAX })
  return Rows.parse(JSON.parse(stdout)).map(({ name }) => name)
}

test.each([
  [
    'throughput',
    [
      'REST predict, large, 2 connections',
      'REST predict, small, 2 connections',
      'gRPC predict, large, content, 2 connections',
      'gRPC predict, large, values, 2 connections',
    ],
  ],
  [
    'memory',
    [
      'memory of 20 models, large',
      'time to ready of 20 models, large',
      'memory of 20 models, small',
      'time to ready of 20 models, small',
    ],
  ],
  [
    'change',
    ['full reload', 'delta'].flatMap((way) => [
      `one of 30 models changed by ${way}`,
      `event loops of the threads that answer, during a ${way}`,
      `slowest answer about a state, from the control thread, during a ${way}`,
    ]),
  ],
  [
    'loading',
    [
      'event-loop delay p99.9 with 10 loads/s',
      'p99.9 of other models with 10 loads/s, above steady',
    ],
  ],
  ['cycles', ['memory over 12 loads and unloads']],
  [
    'workers',
    [
      'REST predict, large, 2 workers against 1, 32 connections',
      'memory of 5 models, large, 2 workers against 1',
    ],
  ],
])(
  'the part %s gives all its figures',
  async (part, names) => {
    expect(await namesOf(part)).toEqual(names)
  },
  PART_MS_MAX,
)
