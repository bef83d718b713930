// One constant after the other is multiplied with a tensor, or added to it: TensorFlow takes the constants together
// before it runs a graph. It does so step by step, in the order of the nodes, again and again until nothing changes;
// in what order the constants meet each other, and so how they are rounded, follows from that alone.
//
//   c * (y * x)      becomes   x * (c * y)      and so on for what is subtracted
//   x / y            becomes   x * (1 / y)      where TensorFlow stops for this time

import { sizeOf } from '@drover/serving-api'

/** A tensor by its name; what is known of constants is what their shape is. */
export interface Leaf {
  key: string
  /** Undefined where it is no constant. */
  shape: readonly number[] | undefined
}

export type Operation = 'Add' | 'Sub' | 'Mul' | 'RealDiv' | 'Reciprocal'

interface Step {
  operation: Operation
  inputs: readonly Term[]
  /** The shape of what it divided by. */
  divisor?: readonly number[] | undefined
  /** Its constant has been changed for something else: TensorFlow does not know the shapes any more. */
  isChanged?: boolean
}

type Term = Step | Leaf

/** A link of a chain: what it does, and its constant. */
export interface Link {
  operation: Operation
  constant: Leaf
  isFirst: boolean
}

/** What a chain comes to. */
export interface Result {
  operation: Operation
  inputs: readonly string[]
}

/** Works out a constant; undefined where it cannot. */
export type Fold = (operation: Operation, inputs: readonly string[]) => Leaf | undefined

const isStep = (term: Term): term is Step => 'operation' in term
const isConstant = (term: Term): term is Leaf => !isStep(term) && term.shape !== undefined
const isSymmetric = ({ operation }: Step): boolean => operation === 'Add' || operation === 'Mul'
const SUMS: ReadonlySet<Operation> = new Set(['Add', 'Sub'])

/** What becomes of links, bottom first, above this tensor; undefined where it does not come to one step. */
export function pushedDown(bottom: string, links: readonly Link[], fold: Fold): Result | undefined {
  const steps: Step[] = []
  let below: Term = { key: bottom, shape: undefined }
  for (const { operation, constant, isFirst } of links) {
    below = { operation, inputs: isFirst ? [constant, below] : [below, constant] }
    steps.push(below)
  }
  // Every pass brings some constant down for good.
  for (let pass = 0; isStep(below) && pass <= 2 * links.length; pass++) {
    if (foldWithin(below, fold) === undefined) return undefined
    if (!steps.map(simplify).includes(true)) return resultOf(below)
  }
  return undefined
}

function resultOf({ operation, inputs }: Step): Result | undefined {
  const keys = inputs.flatMap((input) => (isStep(input) ? [] : [input.key]))
  return keys.length === inputs.length ? { operation, inputs: keys } : undefined
}

/** Puts constants in the place of what can be worked out; undefined where one that should cannot. */
function foldWithin(step: Step, fold: Fold): Term | undefined {
  const inputs: Term[] = []
  for (const input of step.inputs) {
    const settled = isStep(input) ? foldWithin(input, fold) : input
    if (settled === undefined) return undefined
    inputs.push(settled)
  }
  step.inputs = inputs
  const constants = inputs.filter(isConstant)
  if (constants.length < inputs.length) return step
  return fold(
    step.operation,
    constants.map(({ key }) => key),
  )
}

/** Changes a step, and the one below it; whether it did. */
function simplify(step: Step): boolean {
  const [left, right] = step.inputs
  if (left === undefined || right === undefined) return false
  if (step.operation === 'RealDiv' && isConstant(right)) {
    step.operation = 'Mul'
    step.inputs = [left, { operation: 'Reciprocal', inputs: [right] }]
    step.divisor = right.shape
    return true
  }
  const isFirst = isConstant(left)
  const [constant, child] = isFirst ? [left, right] : [right, left]
  if (!isConstant(constant) || !isStep(child)) return false
  return SUMS.has(step.operation) === SUMS.has(child.operation) && push(step, child, constant)
}

/** Changes the constant of a step for the tensor of the one below it. */
function push(step: Step, child: Step, constant: Leaf): boolean {
  const [left, right] = child.inputs
  if (left === undefined || right === undefined) return false
  if (isConstant(left) && isConstant(right)) return false
  const isTurned = isConstant(left)
  const [tensor, other] = isTurned ? [right, left] : [left, right]
  if (!isConstant(other) && isLarger(constant, step, child)) return false
  const isFirst = step.inputs[0] === constant
  step.isChanged = true
  child.isChanged = true
  if (isSymmetric(step) && isSymmetric(child)) {
    step.inputs = [tensor, child]
    child.inputs = [constant, other]
    return true
  }
  pushSigned(step, child, { constant, tensor, other, isFirst, isTurned })
  return true
}

/** The same where something is subtracted: a sum starts with what is not, as far as there is such. */
function pushSigned(
  step: Step,
  child: Step,
  {
    constant,
    tensor,
    other,
    isFirst,
    isTurned,
  }: { constant: Leaf; tensor: Term; other: Term; isFirst: boolean; isTurned: boolean },
): void {
  const isSecondNegative = !isSymmetric(child)
  const isChildNegative = !isSymmetric(step) && isFirst
  const isConstantNegative = !isSymmetric(step) && !isFirst
  const isTensorNegative = (isSecondNegative && isTurned) !== isChildNegative
  const isOtherNegative = (isSecondNegative && !isTurned) !== isChildNegative
  const isSub = isTensorNegative || (isConstantNegative && isOtherNegative)
  step.operation = isSub ? 'Sub' : 'Add'
  step.inputs = isTensorNegative ? [child, tensor] : [tensor, child]
  child.operation = isConstantNegative === isOtherNegative ? 'Add' : 'Sub'
  child.inputs = isConstantNegative ? [other, constant] : [constant, other]
}

/** Then TensorFlow waits: what the constant would meet is not yet the constant that it will be. */
function isLarger({ shape }: Leaf, step: Step, child: Step): boolean {
  const { divisor } = child
  if (step.isChanged === true || child.isChanged === true) return false
  if (shape === undefined || divisor === undefined) return false
  if (sizeOf(shape) > sizeOf(divisor)) return true
  return shape.some((size, axis) => size > (divisor[axis] ?? Infinity))
}
