// A REST port over models of plain arithmetic.

import { makeLog } from '@drover/service'
import {
  floatTensor,
  type ModelChoice,
  notKnown,
  notServed,
  ServingError,
  type SignatureDef,
  type Tensor,
  type TensorInfo,
} from '@drover/serving-api'
import { type Limits, LIMITS } from '../limits.ts'
import type { Core, Found, Observation, Outputs } from '../serving/core.ts'
import { openClient } from './client.fixture.ts'
import { makeRestPort, type RestPort, type RestSettings } from './port.ts'

const float = (name: string, shape?: number[]): TensorInfo => ({ name, dtype: 'DT_FLOAT', shape })
const strings = (name: string): TensorInfo => ({ name, dtype: 'DT_STRING', shape: [-1] })

/** y = x / 2 + 2 whatever the shape, and the same over examples, which are as long as their bytes. */
const SIGNATURES: Record<string, SignatureDef> = {
  serving_default: {
    methodName: 'tensorflow/serving/predict',
    inputs: { x: float('x:0', [-1, 1]) },
    outputs: { y: float('y:0', [-1, 1]) },
  },
  grow: {
    methodName: 'tensorflow/serving/predict',
    inputs: { x: float('x:0') },
    outputs: { y: float('y:0') },
  },
  lengths: {
    methodName: 'tensorflow/serving/regress',
    inputs: { inputs: strings('tf_example:0') },
    outputs: { outputs: float('z:0', [-1, 1]) },
  },
  scores: {
    methodName: 'tensorflow/serving/classify',
    inputs: { inputs: strings('tf_example:0') },
    outputs: { scores: float('z:0', [-1, 1]) },
  },
}

/** How many values the signature `grow` answers with. */
export const GROWN = 50_000

/** Models: `h2`, versions 123 and 124 with a label; `slow`, which never answers; `cold`, found later. */
export class FakeCore implements Core {
  readonly observed: Observation[] = []
  readonly asked: Readonly<Record<string, Tensor>>[] = []
  lane: Core['lane']
  control: Core['control'] = {
    status: async ({ name, version }) => {
      await Promise.resolve()
      if (name !== 'h2' || (version !== undefined && version !== 123n))
        throw notKnown(version === undefined ? { name } : { name, version })
      return [{ version: 123n, state: 'AVAILABLE' }]
    },
    reload: async () => await Promise.reject(new Error('nothing is reloaded here')),
    prometheus: async () => await Promise.resolve(Buffer.from('# TYPE a counter\na 1\n')),
  }

  find(choice: ModelChoice): Found | Promise<Found> {
    const { name, version, label } = choice
    if (label !== undefined && label !== 'Version_Label')
      throw new ServingError('INVALID_ARGUMENT', `Unrecognized servable version label: ${label}`)
    if (name === 'busy')
      throw new ServingError('UNAVAILABLE', 'It is being loaded', { retryAfterS: 0.2 })
    const found = { name, version: version ?? 124n, signatures: SIGNATURES }
    if (name === 'cold') return Promise.resolve(found)
    const isServed = version === undefined || version === 123n || version === 124n
    if ((name !== 'h2' && name !== 'slow') || !isServed) throw notServed(choice)
    return found
  }

  run(
    { name }: Found,
    { signature, inputs }: Parameters<Core['run']>[1],
  ): Outputs | Promise<Outputs> {
    this.asked.push(inputs)
    if (name === 'slow') return new Promise(() => undefined)
    if (signature === 'grow') return { y: floatTensor(new Float32Array(GROWN), [1, GROWN]) }
    const { x, inputs: examples } = inputs
    if (examples?.dtype === 'DT_STRING') {
      const lengths = floatTensor(
        examples.values.map(({ length }) => length),
        [examples.values.length, 1],
      )
      return signature === 'scores' ? { scores: lengths } : { outputs: lengths }
    }
    if (x?.dtype !== 'DT_FLOAT') throw new ServingError('INVALID_ARGUMENT', 'x is no float')
    const y = floatTensor(
      x.values.map((value) => value / 2 + 2),
      x.shape,
    )
    return name === 'cold' ? Promise.resolve({ y }) : { y }
  }

  wait(): () => void {
    return () => {}
  }

  observe(observation: Observation): void {
    this.observed.push(observation)
  }
}

export interface StartOptions {
  limits?: Partial<Limits>
  settings?: Partial<RestSettings>
  isSinglePort?: boolean
  core?: FakeCore
}

export type TestPort = Awaited<ReturnType<typeof startPort>>

/** A port that listens on loopback. */
export async function startPort({
  limits = {},
  settings = {},
  isSinglePort = true,
  core = new FakeCore(),
}: StartOptions = {}) {
  const logged: string[] = []
  const port = makeRestPort({
    core,
    log: makeLog('test', { write: (line) => void logged.push(line) }),
    limits: { ...LIMITS, ...limits },
    settings: { timeoutMs: 30_000, corsEnabled: false, prometheusPath: undefined, ...settings },
    isSinglePort,
  })
  const url = await port.listen({ host: '127.0.0.1', port: 0 })
  return {
    ...port,
    core,
    logged,
    url,
    open: async () => await openClient(url),
    [Symbol.asyncDispose]: async () => await stop(port),
  }
}

async function stop(port: RestPort): Promise<void> {
  if (port.server.listening) await port.drain(0)
}

/** A core as threads make theirs: an object of its functions, here without a lane. */
export const plainCore = (core: FakeCore): Core => ({
  find: (choice) => core.find(choice),
  run: (found, call) => core.run(found, call),
  wait: () => core.wait(),
  observe: (observation) => core.observe(observation),
  control: core.control,
  lane: undefined,
})
