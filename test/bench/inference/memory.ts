// What a network of 101,770 parameters takes of memory as Keras exports it, in each engine: each weighs as
// many as it has time for, in a process of its own.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { preparePython, runPython } from '../../support/python.ts'
import type { BenchRow } from '../main.ts'
import { LARGE } from '../model-server/models.ts'
import type { Weighing } from './weigh.ts'
import { zooModel } from './zoo-model.ts'

const FULL = { fast: 5_000, onnx: 1_000, slow: 50 }
const QUICK = { fast: 20, onnx: 10, slow: 2 }
const KIB_MAX = 530
const BYTES_PER_KIB = 1_024

/** As a server sets it for itself; it is read when a process starts. */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '65536' }

const run = promisify(execFile)
const Weighed = z.object({ bytesEach: z.number() })

export async function* benchModelMemory(isQuick: boolean): AsyncGenerator<BenchRow> {
  const { fast, onnx, slow } = isQuick ? QUICK : FULL
  const model = await zooModel('dense-784-128-10')
  const weigh = async (engine: Weighing['engine'], count: number) =>
    await weighed({ ...model, engine, count })
  const tfjs = await weigh('tensorflow', slow)
  const python = await runPython(await preparePython(), 'weigh.py', { ...model, count: slow })
  const notes = {
    [`each of ${slow} in tfjs-node, KiB`]: tfjs.toFixed(0),
    [`each of ${slow} in Python TensorFlow, KiB`]: kibibytesIn(python).toFixed(0),
  }
  for (const [engine, count] of [
    ['fast', fast],
    ['onnx', onnx],
  ] as const)
    yield {
      name: `memory of ${count} models ${LARGE.join('-')} as Keras exports them, ${engine === 'fast' ? 'kernels' : 'onnxruntime'}`,
      unit: 'KiB each',
      value: await weigh(engine, count),
      goal: KIB_MAX,
      notes,
    }
}

const kibibytesIn = (printed: string): number =>
  Weighed.parse(JSON.parse(printed)).bytesEach / BYTES_PER_KIB

async function weighed(given: Weighing): Promise<number> {
  const script = join(import.meta.dirname, 'weigh.js')
  const env = { ...process.env, ...MALLOC }
  const args = ['--expose-gc', script, JSON.stringify(given)]
  const { stdout } = await run(process.execPath, args, { env })
  return kibibytesIn(stdout)
}
