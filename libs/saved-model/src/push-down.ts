// One constant after the other is multiplied with a tensor, or added to it: TensorFlow takes the constants together
// before it runs a graph. It does so step by step, in the order of the nodes, again and again until nothing changes;
// in what order the constants meet each other, and so how they are rounded, follows from that alone.
//
//   c * (y * x)      becomes   x * (c * y)      and so on for what is subtracted, also where y is no constant
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

/** What is calculated of tensors and constants. */
export type Tree = Leaf | { operation: Operation; inputs: readonly Tree[] }

/** What it comes to: a tensor by its name, or a step. */
export type Result = string | { operation: Operation; inputs: readonly Result[] }

/** Works out a constant; undefined where it cannot. */
export type Fold = (operation: Operation, inputs: readonly string[]) => Leaf | undefined

const isStep = (term: Term): term is Step => 'operation' in term
const isConstant = (term: Term): term is Leaf => !isStep(term) && term.shape !== undefined
const isSymmetric = ({ operation }: Step): boolean => operation === 'Add' || operation === 'Mul'
const SUMS: ReadonlySet<Operation> = new Set(['Add', 'Sub'])

/** What becomes of a tree with steps; undefined where TensorFlow's way comes to no end, or a constant to none. */
export function pushedDown(tree: Tree, fold: Fold): Result | undefined {
  const steps: Step[] = []
  const top = termOf(tree, steps)
  // Every pass brings some constant down for good.
  for (let pass = 0; isStep(top) && pass <= 2 * steps.length; pass++) {
    if (foldWithin(top, fold) === undefined) return undefined
    if (!steps.map(simplify).includes(true)) return resultOf(top)
  }
  return undefined
}

/** The same with steps that change; these are listed, those that others take first. */
function termOf(tree: Tree, steps: Step[]): Term {
  if (!('operation' in tree)) return tree
  const step = { ...tree, inputs: tree.inputs.map((input) => termOf(input, steps)) }
  steps.push(step)
  return step
}

const resultOf = (term: Term): Result =>
  isStep(term) ? { operation: term.operation, inputs: term.inputs.map(resultOf) } : term.key

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
