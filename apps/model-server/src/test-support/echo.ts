// A model that gives back what it got, and requests for it.

import { DataTypeNumber } from '@drover/serving-api'
import type { TestVersion } from './grpc.ts'

export const info = { name: 'x:0', dtype: 'DT_FLOAT' as const, shape: undefined }
export const signatures = {
  serving_default: {
    methodName: 'tensorflow/serving/predict',
    inputs: { x: info },
    outputs: { y: info },
  },
}

export const ECHO: TestVersion = { signatures, run: ({ inputs: { x } }) => (x ? { y: x } : {}) }
/** A PredictRequest of so many floats. */
export const requestOf = (name: string, count = 1) => ({
  modelSpec: { name },
  inputs: {
    x: {
      dtype: DataTypeNumber.DT_FLOAT,
      tensorShape: { dim: [{ size: BigInt(count) }] },
      tensorContent: new Uint8Array(new Float32Array(count).fill(0.5).buffer),
    },
  },
})
