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
import { raggedIn, type RaggedPart } from './ragged.ts'

const SIGNATURES_MAX = 4
const ROWS = 2
const VALUES_MAX = 10_000
const NOT_RAGGED: ReadonlyMap<string, RaggedPart> = new Map()
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
 * become two rows, or one of anything else. Each comes with what to ask where it is not answered: inputs that
 * look like a ragged tensor may be none.
 */
export function seededRequests(signatures: Signatures): [GoldenRequest, ...GoldenRequest[]][] {
  return Object.keys(signatures)
    .toSorted()
    .slice(0, SIGNATURES_MAX)
    .flatMap((signature) => ['plain', 'varied'].map((kind) => [signature, kind] as const))
    .flatMap(([signature, kind]) => {
      const inputs = signatures[signature]?.inputs ?? {}
      const ragged = raggedIn(inputs)
      const guesses = ragged.size > 0 ? [ragged, NOT_RAGGED] : [NOT_RAGGED]
      const [first, ...others] = guesses.flatMap((parts) => {
        const seeded = seedInputs(inputs, { kind, parts })
        return seeded === undefined ? [] : [{ signature, inputs: seeded }]
      })
      return first === undefined ? [] : [[first, ...others]]
    })
}

function seedInputs(
  inputs: Readonly<Record<string, TensorInfo>>,
  { kind, parts }: { kind: string; parts: ReadonlyMap<string, RaggedPart> },
): GoldenRequest['inputs'] | undefined {
  const encoded: GoldenRequest['inputs'] = {}
  for (const [alias, info] of Object.entries(inputs)) {
    const tensor = seedPart(alias, info, { kind, part: parts.get(alias) })
    // What would not fit in a file of golden requests is left out with its whole request.
    if (tensor === undefined) return undefined
    encoded[alias] = encodeTensor(tensor)
  }
  return encoded
}

function seedPart(
  alias: string,
  info: TensorInfo,
  { kind, part }: { kind: string; part: RaggedPart | undefined },
): Tensor | undefined {
  if (part === undefined) return seedTensor(alias, info, kind)
  if ('count' in part) {
    const shape = [part.count, ...(info.shape ?? []).slice(1)]
    return seedTensor(alias, { ...info, shape }, kind)
  }
  if (!isDataType(info.dtype)) return undefined
  return decodeTensor({ dtype: info.dtype, shape: [part.splits.length], values: [...part.splits] })
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
