// Engines for tests, with a hold on their threads.

import { Worker } from 'node:worker_threads'
import { type EnginesOptions, startEngines } from './engines/engines.ts'
import type { Shared } from './engines/loaded-model.ts'
import type { EngineName, RunOptions, Tensors } from './servable.ts'

/** Engines whose threads can be looked at and ended. `heapMiB` limits what each thread may take. */
export function startSampleEngines({ heapMiB, ...options }: EnginesOptions & { heapMiB?: number }) {
  const workers: { entry: string; worker: Worker; hasEnded: boolean }[] = []
  const engines = startEngines({
    ...options,
    start(entry, workerData) {
      const path = new URL(`../dist/${entry}.js`, import.meta.url)
      const resourceLimits =
        heapMiB === undefined
          ? {}
          : { maxOldGenerationSizeMb: heapMiB, maxYoungGenerationSizeMb: 8 }
      const worker = new Worker(path, { workerData, execArgv: [], resourceLimits })
      const about = { entry, worker, hasEnded: false }
      worker.once('exit', () => {
        about.hasEnded = true
      })
      workers.push(about)
      return worker
    },
  })
  return {
    engines,
    /** All that were started with this entry, oldest first. */
    threads: (entry: 'loader-thread' | 'onnx-thread') =>
      workers.filter((each) => each.entry === entry),
    [Symbol.asyncDispose]: async () => await engines[Symbol.asyncDispose](),
  }
}

/** What the thread of `startAskingThread` answers. */
interface Told {
  engine: EngineName
  answers?: Tensors
  error?: { name: string; code: string; message: string }
}

const ASKING = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.built).then(({ openServable }) => {
    const servable = openServable(workerData.message)
    const { engine } = servable
    parentPort.on('message', async ({ inputs, options }) => {
      try {
        parentPort.postMessage({ engine, answers: await servable.run('serving_default', inputs, options) })
      } catch ({ name, code, message }) {
        parentPort.postMessage({ engine, error: { name, code, message } })
      }
    })
  })
`

/** Another thread that opens a model and asks it, as serving threads do. */
export function startAskingThread({ message, transfer }: Shared) {
  const built = new URL('../dist/index.js', import.meta.url).href
  const worker = new Worker(ASKING, {
    eval: true,
    execArgv: [],
    workerData: { built, message },
    transferList: transfer,
  })
  return {
    threadId: worker.threadId,
    /** One question at a time. */
    async ask(inputs: Tensors, options?: RunOptions): Promise<Told> {
      return await new Promise((resolve, reject) => {
        worker.once('error', reject)
        worker.once('message', (told: Told) => {
          worker.off('error', reject)
          resolve(told)
        })
        worker.postMessage({ inputs, options }, [])
      })
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}
