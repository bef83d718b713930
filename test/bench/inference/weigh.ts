// A process that loads a model many times and tells what each took: JSON as its argument, JSON out.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { floatTensor } from '@drover/serving-api'
import { memoryBytesOf } from '../model-server/proc.ts'
import { inputsOf, LARGE } from '../model-server/models.ts'

/** What is to be weighed. */
export interface Weighing {
  directory: string
  /** The alias of its input. */
  input: string
  engine: 'fast' | 'onnx' | 'tensorflow'
  count: number
}

/** Loaded before anything is weighed: libraries, their threads and code that is compiled when it runs. */
const WARM_UPS = 10

const given: Weighing = JSON.parse(process.argv[2] ?? '')
const { directory, input, engine, count } = given
const tensorflow = startTensorflowHost({})
const x = floatTensor(Float32Array.from(inputsOf(LARGE[0])), [1, LARGE[0]])
const held: unknown[] = []

async function hold(models: number): Promise<number> {
  for (let model = 0; model < models; model++) {
    const servable = await loadServable(directory, { engine, tensorflow })
    await servable.run('serving_default', { [input]: x })
    held.push(servable)
  }
  globalThis.gc?.()
  return memoryBytesOf(process.pid)
}

const before = await hold(WARM_UPS)
const after = await hold(count)
console.log(JSON.stringify({ bytesEach: (after - before) / count }))
await tensorflow[Symbol.asyncDispose]()
process.exit(0)
