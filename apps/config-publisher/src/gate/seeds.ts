import { sha256 } from '@drover/model-config'
import {
  type DataType,
  decodeTensor,
  encodeTensor,
  type GoldenRequests,
  isDataType,
  partsOf,
  sizeOf,
  stringTensor,
  type Tensor,
  type TensorInfo,
} from '@drover/serving-api'
import type { Signatures } from './checks.ts'

const SIGNATURES_MAX = 4
const ROWS = 2
const VALUES_MAX = 10_000
/** The bits of 1 in types that are kept by their bits. */
const LEAST_BITS = new Map<string, number>([
  ['DT_HALF', 0x3c00],
  ['DT_BFLOAT16', 0x3f80],
])
const WORDS = ['', 'a', 'where is my card', 'The quick brown fox, 42!', 'Žluťoučký kůň', '0']

/** One request as the file of golden requests holds it. */
export type GoldenRequest = GoldenRequests['requests'][number]

/**
 * Golden requests for a version that brought none: two for each of its first signatures, made from
 * nothing but the signatures, so that the same version always gets the same ones. Unknown sizes
 * become two rows, or one of anything else.
 */
export function seededRequests(signatures: Signatures): GoldenRequest[] {
  return Object.keys(signatures)
    .toSorted()
    .slice(0, SIGNATURES_MAX)
    .flatMap((signature) => ['plain', 'varied'].map((kind) => [signature, kind] as const))
    .flatMap(([signature, kind]) => {
      const inputs = Object.entries(signatures[signature]?.inputs ?? {})
      const tensors = inputs.map(([alias, info]) => [alias, seedTensor(alias, info, kind)] as const)
      // What would not fit in a file of golden requests is left out with its whole request.
      if (tensors.some(([, tensor]) => tensor === undefined)) return []
      const encoded = tensors.flatMap(([alias, tensor]) =>
        tensor === undefined ? [] : [[alias, encodeTensor(tensor)] as const],
      )
      return [{ signature, inputs: Object.fromEntries(encoded) }]
    })
}

function seedTensor(alias: string, { dtype, shape }: TensorInfo, kind: string): Tensor | undefined {
  const sizes = (shape ?? [-1]).map((size, at) => (size >= 0 ? size : at === 0 ? ROWS : 1))
  const count = sizeOf(sizes)
  if (count > VALUES_MAX) return undefined
  const next = numbersOf(`${alias} ${kind}`)
  const whole = Array.from({ length: count }, () => (kind === 'plain' ? 1 : Math.floor(next() * 4)))
  if (dtype === 'DT_STRING')
    return stringTensor(
      whole.map((_, at) => WORDS[kind === 'plain' ? 2 : at % WORDS.length] ?? ''),
      sizes,
    )
  return isDataType(dtype)
    ? decodeTensor({ dtype, shape: sizes, values: seedNumbers(dtype, whole, { kind, next }) })
    : undefined
}

function seedNumbers(
  dtype: DataType,
  whole: readonly number[],
  { kind, next }: { kind: string; next: () => number },
): number[] {
  if (dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE')
    return whole.map((one) => seedFloat(one, kind, next))
  if (dtype === 'DT_BOOL') return whole.map((one) => one % 2)
  const least = LEAST_BITS.get(dtype) ?? 0
  return whole.flatMap((one) => Array.from({ length: partsOf(dtype) }, () => least + one))
}

const seedFloat = (plain: number, kind: string, next: () => number): number =>
  kind === 'plain' ? plain : Math.round((next() * 4 - 2) * 1_000) / 1_000

/** The same numbers from 0 to 1 for the same seed, on every machine (a linear congruence). */
function numbersOf(seed: string): () => number {
  let state = Number.parseInt(sha256(seed).slice(0, 8), 16)
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
