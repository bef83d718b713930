// Loads the models of the zoo as a server does, asks them, and says how that went.

import { readFile } from 'node:fs/promises'
import { messagesOf } from '@drover/basics'
import {
  type EngineName,
  loadServable,
  type Servable,
  startTensorflowHost,
  type TensorflowHost,
} from '@drover/inference'
import { judge } from './judge.ts'
import { readRequests, type ZooModel } from './zoo.ts'

/** A model may be slow to load on a busy machine, and this is no judgement of speed. */
const RUN_MS_MAX = 60_000
const PAGE_BYTES = 4096

/** How one model did. */
export interface Row extends ZooModel {
  /** Undefined where it could not be loaded. */
  engine: EngineName | undefined
  /** Why no fast engine runs it; undefined where one does. */
  reason: string | undefined
  /** Of floats; see `judge`. */
  difference: number
  loadMs: number
  /** By how much the processes grew through loading it and asking it. */
  memoryBytes: number
  /** Why it does not answer as Python does; undefined where it does. */
  failure: string | undefined
}

type Asked = 'auto' | 'tensorflow'

/** Whether it needs no TensorFlow. */
export const isFast = ({ engine }: Pick<Row, 'engine'>): boolean =>
  engine === 'kernel' || engine === 'onnx'

/** Runs models one after the other, on the engine that is asked for; `onRow` hears of each. */
export async function runZoo(
  models: readonly ZooModel[],
  { engine = 'auto', onRow }: { engine?: Asked; onRow?: (row: Row) => void } = {},
): Promise<Row[]> {
  await using tensorflow = startTensorflowHost()
  const rows: Row[] = []
  // Nobody waits for the first start of an engine more than once.
  for (const model of models.slice(0, 1))
    for (const each of ['tensorflow', engine] as const)
      await tried(
        async () =>
          await (await loadServable(model.directory, { engine: each, tensorflow })).close(),
      )
  for (const model of models) {
    const row = await runModel(model, { engine, tensorflow })
    rows.push(row)
    onRow?.(row)
  }
  return rows
}

async function runModel(
  model: ZooModel,
  { engine, tensorflow }: { engine: Asked; tensorflow: TensorflowHost },
): Promise<Row> {
  const row: Row = {
    ...model,
    engine: undefined,
    reason: undefined,
    difference: 0,
    loadMs: 0,
    memoryBytes: 0,
    failure: undefined,
  }
  const before = await residentBytes(tensorflow)
  const start = performance.now()
  const loaded = await tried(
    async () => await loadServable(model.directory, { engine, tensorflow }),
  )
  row.loadMs = performance.now() - start
  if (loaded.value === undefined) {
    row.failure = `cannot be loaded: ${loaded.error}`
  } else {
    row.engine = loaded.value.engine
    Object.assign(row, await askAll(loaded.value, model))
    row.memoryBytes = Math.max(0, (await residentBytes(tensorflow)) - before)
    await tried(async () => await loaded.value?.close())
  }
  if (engine === 'auto' && !isFast(row)) row.reason = await reasonOf(model)
  return row
}

async function askAll(
  servable: Servable,
  model: ZooModel,
): Promise<Pick<Row, 'difference' | 'failure'>> {
  let difference = 0
  for (const [index, { signature, inputs, outputs }] of (await readRequests(model)).entries()) {
    const deadlineMs = performance.now() + RUN_MS_MAX
    const answer = await tried(async () => await servable.run(signature, inputs, { deadlineMs }))
    if (answer.value === undefined)
      return { difference, failure: `request ${index + 1} (${signature}) fails: ${answer.error}` }
    const found = judge(outputs, answer.value)
    difference = Math.max(difference, found.difference)
    if (found.fault !== undefined)
      return { difference, failure: `request ${index + 1} (${signature}): ${found.fault}` }
  }
  return { difference, failure: undefined }
}

/** Why no fast engine takes a model; undefined where one does. */
async function reasonOf({ directory }: ZooModel): Promise<string | undefined> {
  const fast = await tried(async () => await loadServable(directory, { engine: 'fast' }))
  await fast.value?.close()
  return fast.error
}

type Tried<T> = { value: T; error: undefined } | { value: undefined; error: string }

async function tried<T>(run: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await run(), error: undefined }
  } catch (error) {
    // A fault of ours is a fault of this model's row, and the others are still wanted.
    return { value: undefined, error: error instanceof Error ? deepest(error) : String(error) }
  }
}

/** The first line of the innermost cause, which names the node. */
function deepest(error: Error): string {
  return messagesOf(error).at(-1)?.split('\n')[0] ?? ''
}

/** Memory of this process and of TensorFlow's. */
async function residentBytes({ pid }: TensorflowHost): Promise<number> {
  const own = process.memoryUsage.rss()
  if (pid === undefined) return own
  try {
    const statm = await readFile(`/proc/${pid}/statm`, 'utf8')
    return own + Number(statm.split(' ')[1]) * PAGE_BYTES
  } catch {
    // It has ended meanwhile.
    return own
  }
}
