// Short ways for tests to write tensors.

import type { Tensor } from '@drover/serving-api'

export const int32 = (values: number[], shape = [values.length]): Tensor => ({
  dtype: 'DT_INT32',
  shape,
  values: Int32Array.from(values),
})

export const int64 = (
  values: readonly (number | bigint)[],
  shape: readonly number[] = [values.length],
): Tensor => ({
  dtype: 'DT_INT64',
  shape,
  values: BigInt64Array.from(values, BigInt),
})

export const double = (values: number[], shape = [values.length]): Tensor => ({
  dtype: 'DT_DOUBLE',
  shape,
  values: Float64Array.from(values),
})

export const bool = (values: number[], shape = [values.length]): Tensor => ({
  dtype: 'DT_BOOL',
  shape,
  values: Uint8Array.from(values),
})
