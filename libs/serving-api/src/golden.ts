import { z } from 'zod'
import { DATA_TYPES, type SignatureDef, sizeOf, type Tensor, type TensorOf } from './tensor.ts'

const REQUESTS_MAX = 64
const VALUES_MAX = 1_000_000
const RANK_MAX = 8
/** PROTOCOL 8: what the gate allows between two engines, and what a server is allowed. */
export const TOLERANCE = { engines: 1e-5, servers: 1e-4, drift: 1e-2 } as const

const TensorJson = z.strictObject({
  dtype: z.enum(DATA_TYPES),
  shape: z.array(z.int().nonnegative()).max(RANK_MAX),
  /** Numbers; booleans as 0 and 1; int64 as decimal text; strings in base64; `NaN` and infinities as text. */
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

function encodeValues(tensor: Tensor): (number | string)[] {
  switch (tensor.dtype) {
    case 'DT_INT64':
      return Array.from(tensor.values, String)
    case 'DT_STRING':
      return tensor.values.map((bytes) => Buffer.from(bytes).toString('base64'))
    case 'DT_FLOAT':
    case 'DT_DOUBLE':
    case 'DT_INT32':
    case 'DT_BOOL':
      return Array.from(tensor.values, (value) => (Number.isFinite(value) ? value : `${value}`))
  }
}

/** Reads what `encodeTensor` wrote. Throws when the values do not fill the shape. */
export function decodeTensor({ dtype, shape, values }: TensorJson): Tensor {
  if (sizeOf(shape) !== values.length)
    throw new RangeError(
      `${values.length} values do not fill a tensor of shape [${shape.join(',')}]`,
    )
  switch (dtype) {
    case 'DT_FLOAT':
      return { dtype, shape, values: Float32Array.from(values, Number) }
    case 'DT_DOUBLE':
      return { dtype, shape, values: Float64Array.from(values, Number) }
    case 'DT_INT32':
      return { dtype, shape, values: Int32Array.from(values, Number) }
    case 'DT_BOOL':
      return { dtype, shape, values: Uint8Array.from(values, Number) }
    case 'DT_INT64':
      return { dtype, shape, values: BigInt64Array.from(values, BigInt) }
    case 'DT_STRING':
      return {
        dtype,
        shape,
        values: values.map((value) => Uint8Array.from(Buffer.from(`${value}`, 'base64'))),
      }
  }
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
  if (isFloat(want) && isFloat(got)) {
    return compareFloats(alias, want.values, got.values, tolerance)
  }
  const [wanted, gotten] = [encodeValues(want), encodeValues(got)]
  const at = wanted.findIndex((value, index) => value !== gotten[index])
  return at < 0
    ? { agreement: 'agrees', worst: 0 }
    : differs(`${alias}[${at}] is not the expected value`)
}

const isFloat = (tensor: Tensor): tensor is TensorOf<'DT_FLOAT'> | TensorOf<'DT_DOUBLE'> =>
  tensor.dtype === 'DT_FLOAT' || tensor.dtype === 'DT_DOUBLE'

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

/** Whether a request names a signature and exactly its inputs; the reason why not, or undefined. */
export function misfitOf(
  signatures: Readonly<Record<string, SignatureDef>>,
  signature: string,
  inputs: Readonly<Record<string, Tensor>>,
): string | undefined {
  const found = signatures[signature]
  if (found === undefined) return `the model has no signature ${JSON.stringify(signature)}`
  const missing = Object.keys(found.inputs).find((alias) => !(alias in inputs))
  if (missing !== undefined) return `the input ${missing} is missing`
  for (const [alias, tensor] of Object.entries(inputs)) {
    const info = found.inputs[alias]
    if (info === undefined) return `the signature has no input ${alias}`
    if (info.dtype !== tensor.dtype)
      return `the input ${alias} is ${tensor.dtype}, not ${info.dtype}`
  }
  return undefined
}
