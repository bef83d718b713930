import { z } from 'zod'
import {
  bytesOfType,
  DATA_TYPES,
  isNumericType,
  type NumericType,
  partsOf,
} from './element-types.ts'
import { floatsOf } from './half.ts'
import { sizeOf, type Tensor, tensorOfBuffer } from './tensor.ts'

const REQUESTS_MAX = 64
const VALUES_MAX = 1_000_000
const RANK_MAX = 8
/** PROTOCOL 8: what the gate allows between two engines, and what a server is allowed. */
export const TOLERANCE = { engines: 1e-5, servers: 1e-4, drift: 1e-2 } as const

const TensorJson = z.strictObject({
  dtype: z.enum(DATA_TYPES),
  shape: z.array(z.int().nonnegative()).max(RANK_MAX),
  /**
   * Numbers; booleans as 0 and 1; halves by their bits; complex numbers as two; 64-bit integers as
   * decimal text; strings in base64; `NaN` and infinities as text.
   */
  values: z.array(z.union([z.number(), z.string()])).max(VALUES_MAX),
})
type TensorJson = z.output<typeof TensorJson>

const Tensors = z.record(z.string(), TensorJson)

/** `assets.extra/drover/golden.json`: requests that a version must answer before it counts as served. */
export const GoldenRequests = z.strictObject({
  format: z.literal(1),
  requests: z.array(z.strictObject({ signature: z.string(), inputs: Tensors })).max(REQUESTS_MAX),
})
export type GoldenRequests = z.output<typeof GoldenRequests>

/** The same requests with the answers that TensorFlow gave in the gate: `verdicts/.../<n>/golden.json`. */
export const GoldenAnswers = z.strictObject({
  format: z.literal(1),
  requests: z
    .array(z.strictObject({ signature: z.string(), inputs: Tensors, outputs: Tensors }))
    .max(REQUESTS_MAX),
})
export type GoldenAnswers = z.output<typeof GoldenAnswers>

/** Where a version keeps its golden requests, below its own folder. */
export const GOLDEN_PATH = 'assets.extra/drover/golden.json'

/** Writes a tensor so that JSON keeps every value of it. */
export function encodeTensor(tensor: Tensor): TensorJson {
  const { dtype, shape } = tensor
  return { dtype, shape: [...shape], values: encodeValues(tensor) }
}

function encodeValues({ dtype, values }: Tensor): (number | string)[] {
  if (dtype === 'DT_STRING') return values.map((bytes) => Buffer.from(bytes).toString('base64'))
  if (dtype === 'DT_INT64' || dtype === 'DT_UINT64') return Array.from(values, String)
  return Array.from(values, (value) => (Number.isFinite(value) ? value : `${value}`))
}

/** Reads what `encodeTensor` wrote. Throws RangeError when the values do not fill the shape. */
export function decodeTensor({ dtype, shape, values }: TensorJson): Tensor {
  if (sizeOf(shape) * partsOf(dtype) !== values.length)
    throw new RangeError(
      `${values.length} values do not fill a tensor of ${dtype} of shape [${shape.join(',')}]`,
    )
  if (isNumericType(dtype)) return decodeNumbers(dtype, shape, values)
  const texts = values.map((value) => Uint8Array.from(Buffer.from(`${value}`, 'base64')))
  return { dtype: 'DT_STRING', shape, values: texts }
}

function decodeNumbers(
  dtype: NumericType,
  shape: readonly number[],
  values: readonly (number | string)[],
): Tensor {
  const tensor = tensorOfBuffer(dtype, shape, new ArrayBuffer(sizeOf(shape) * bytesOfType(dtype)))
  if (tensor.dtype === 'DT_INT64' || tensor.dtype === 'DT_UINT64')
    for (const [index, value] of values.entries()) tensor.values[index] = BigInt(value)
  else for (const [index, value] of values.entries()) tensor.values[index] = Number(value)
  return tensor
}

/** All tensors of one request or answer, encoded. */
export function encodeTensors(
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, TensorJson> {
  return Object.fromEntries(
    Object.entries(tensors).map(([alias, tensor]) => [alias, encodeTensor(tensor)]),
  )
}

/** All tensors of one request or answer, decoded. */
export function decodeTensors(
  tensors: Readonly<Record<string, TensorJson>>,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([alias, tensor]) => [alias, decodeTensor(tensor)]),
  )
}

/** How well an answer fits the expected one, worst last. */
export const Agreement = ['agrees', 'drifts', 'differs'] as const
export type Agreement = (typeof Agreement)[number]

/** What a comparison found: how well it fits, and where it is worst in words for a person. */
export interface Comparison {
  agreement: Agreement
  /** The largest |a - b| / max(1, max|b|) over the float tensors. */
  worst: number
  reason?: string
}

/**
 * Compares an answer with the expected one by PROTOCOL 8: floats within `tolerance` of
 * max(1, max|expected|), up to `TOLERANCE.drift` a drift; strings and integers equal; not finite,
 * another shape or type, a missing or extra output: differs.
 */
export function compareAnswers(
  expected: Readonly<Record<string, Tensor>>,
  answer: Readonly<Record<string, Tensor>>,
  tolerance: number,
): Comparison {
  const extra = Object.keys(answer).find((alias) => !(alias in expected))
  if (extra !== undefined) return differs(`the output ${extra} was not expected`)
  let worst: Comparison = { agreement: 'agrees', worst: 0 }
  for (const [alias, want] of Object.entries(expected)) {
    const got = answer[alias]
    if (got === undefined) return differs(`the output ${alias} is missing`)
    const found = compareTensors(alias, want, got, tolerance)
    if (found.agreement === 'differs') return found
    if (found.worst >= worst.worst) worst = found
  }
  return worst
}

const differs = (reason: string): Comparison => ({ agreement: 'differs', worst: Infinity, reason })

function compareTensors(alias: string, want: Tensor, got: Tensor, tolerance: number): Comparison {
  if (want.dtype !== got.dtype) return differs(`${alias} is ${got.dtype} and not ${want.dtype}`)
  if (want.shape.join(',') !== got.shape.join(','))
    return differs(
      `${alias} has the shape [${got.shape.join(',')}] and not [${want.shape.join(',')}]`,
    )
  const floats = floatsOf(want)
  const gotFloats = floatsOf(got)
  if (floats !== undefined && gotFloats !== undefined)
    return compareFloats(alias, floats, gotFloats, tolerance)
  const [wanted, gotten] = [encodeValues(want), encodeValues(got)]
  const at = wanted.findIndex((value, index) => value !== gotten[index])
  return at < 0
    ? { agreement: 'agrees', worst: 0 }
    : differs(`${alias}[${at}] is not the expected value`)
}

function compareFloats(
  alias: string,
  want: Float32Array | Float64Array,
  got: Float32Array | Float64Array,
  tolerance: number,
): Comparison {
  let scale = 1
  for (const value of want) scale = Math.max(scale, Math.abs(value))
  let worst = 0
  let at = 0
  for (let index = 0; index < want.length; index++) {
    const off = Math.abs((want[index] ?? NaN) - (got[index] ?? NaN)) / scale
    if (!Number.isFinite(off)) return differs(`${alias}[${index}] is not finite`)
    if (off > worst) [worst, at] = [off, index]
  }
  if (worst <= tolerance) return { agreement: 'agrees', worst }
  const reason = `${alias}[${at}] is off by ${worst.toExponential(1)}`
  return { agreement: worst <= TOLERANCE.drift ? 'drifts' : 'differs', worst, reason }
}
