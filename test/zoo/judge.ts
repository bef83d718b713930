// When an answer is the right one: the measure of issue 6.

import { numberOfBfloat16, numberOfHalf, type Tensor } from '@drover/serving-api'

/** Times the largest expected value, or one. */
const TOLERANCE = 1e-5
/** The narrow ones: one unit of their last place, which two versions of TensorFlow do not share either. */
const TOLERANCES: Readonly<Record<string, number>> = { DT_HALF: 2 ** -10, DT_BFLOAT16: 2 ** -7 }

/** What was found: the largest |a - b| / max(1, max|b|) over the numbers that are not whole. */
export interface Judgement {
  difference: number
  /** Why the answer is wrong; undefined where it is right. */
  fault: string | undefined
}

type Tensors = Readonly<Record<string, Tensor>>

/** Compares an answer with the expected one: floats within 1e-5 of the largest, everything else exactly. */
export function judge(expected: Tensors, answer: Tensors): Judgement {
  const extra = Object.keys(answer).find((alias) => !Object.hasOwn(expected, alias))
  if (extra !== undefined) return wrong(`the output ${extra} was not expected`)
  let difference = 0
  for (const [alias, want] of Object.entries(expected)) {
    const got = answer[alias]
    if (got === undefined) return wrong(`the output ${alias} is missing`)
    const found = judgeTensor(want, got)
    if (found.fault !== undefined) return { ...found, fault: `the output ${alias}: ${found.fault}` }
    difference = Math.max(difference, found.difference)
  }
  return { difference, fault: undefined }
}

const wrong = (fault: string): Judgement => ({ difference: Infinity, fault })

function judgeTensor(want: Tensor, got: Tensor): Judgement {
  const [wanted, there] = [typeAndShape(want), typeAndShape(got)]
  if (wanted !== there) return wrong(`it is ${there} and not ${wanted}`)
  const [floats, gotFloats] = [floatsOf(want), floatsOf(got)]
  if (floats !== undefined && gotFloats !== undefined) {
    return judgeFloats(floats, gotFloats, TOLERANCES[want.dtype] ?? TOLERANCE)
  }
  const [exact, gotExact] = [exactOf(want), exactOf(got)]
  const at = exact.findIndex((value, index) => value !== gotExact[index])
  return at < 0
    ? { difference: 0, fault: undefined }
    : wrong(`element ${at} is ${gotExact[at]} and not ${exact[at]}`)
}

const typeAndShape = ({ dtype, shape }: Tensor): string => `${dtype} [${shape.join(', ')}]`

function judgeFloats(
  want: readonly number[],
  got: readonly number[],
  tolerance: number,
): Judgement {
  const scale = want.reduce(
    (max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max),
    1,
  )
  let difference = 0
  let worst = -1
  for (const [index, value] of want.entries()) {
    const here = distance(value, got[index] ?? NaN) / scale
    if (here <= difference) continue
    difference = here
    worst = index
  }
  const fault =
    difference > tolerance ? `element ${worst} is ${got[worst]} and not ${want[worst]}` : undefined
  return { difference, fault }
}

/** Infinities of one sign are the same, and so is what is no number. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0
  return Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Infinity
}

/** Numbers that are not whole, complex ones as two; undefined for all other tensors. */
function floatsOf({ dtype, values }: Tensor): number[] | undefined {
  if (dtype === 'DT_HALF') return Array.from(values, numberOfHalf)
  if (dtype === 'DT_BFLOAT16') return Array.from(values, numberOfBfloat16)
  const isOfFloats = values instanceof Float32Array || values instanceof Float64Array
  return isOfFloats ? Array.from(values) : undefined
}

/** What has to be the same to the last bit. */
const exactOf = ({ dtype, values }: Tensor): string[] =>
  dtype === 'DT_STRING'
    ? values.map((bytes) => JSON.stringify(Buffer.from(bytes).toString('latin1')))
    : Array.from<number | bigint, string>(values, String)
