// What gradients are made of: models answer with them that explain what they answer.

import type { NodeDef } from '../graph.ts'
import { asIntegers, integers, invalid, isNumber, isSameShape, numbers } from '../values.ts'
import { all, type Cost } from './cost-parts.ts'
import { type Kernel, withTwo } from './kernel.ts'

/**
 * The axes along which each of two tensors was repeated, by their shapes: a gradient is summed along these. Of
 * shapes that are the same there are none; otherwise an axis of one element in both counts for both.
 */
const broadcastGradientArgs: Kernel = () =>
  withTwo((first, second) => {
    const shapes = [first, second].map(asIntegers)
    const rank = Math.max(...shapes.map(({ length }) => length))
    const [a = [], b = []] = shapes.map((shape) => [
      ...Array(rank - shape.length).fill(1),
      ...shape,
    ])
    if (first.shape.length !== 1 || second.shape.length !== 1 || first.dtype !== second.dtype)
      throw invalid('two shapes were expected')
    if (a.some((size, axis) => size !== b[axis] && size !== 1 && b[axis] !== 1))
      throw invalid(`[${a.join(',')}] and [${b.join(',')}] do not go together`)
    const [left = [], right = []] = shapes
    const isSame = isSameShape(left, right)
    return [a, b].map((shape) => {
      const axes = [...shape.keys()].filter((axis) => !isSame && shape[axis] === 1)
      return integers(first.dtype, [axes.length], axes)
    })
  })

/** By what a function gave, and by the gradient behind it; as in TensorFlow, that need only be as many numbers. */
const gradient =
  (change: (y: number, dy: number) => number): Kernel =>
  () =>
    withTwo((y, dy) => {
      const isFloat = y.dtype === 'DT_FLOAT' || y.dtype === 'DT_DOUBLE'
      if (!isFloat || dy.dtype !== y.dtype || !isNumber(dy) || dy.values.length !== y.values.length)
        throw invalid('two tensors of as many floats were expected')
      const { values } = dy
      return numbers(
        y.dtype,
        y.shape,
        Array.from(y.values, (value, at) => change(value, values[at] ?? 0)),
      )
    })

/** Operations on gradients. */
export const gradientKernels: Readonly<Record<string, Kernel>> = {
  BroadcastGradientArgs: broadcastGradientArgs,
  SigmoidGrad: gradient((y, dy) => dy * y * (1 - y)),
  TanhGrad: gradient((y, dy) => dy * (1 - y * y)),
}

/** By TensorFlow's names; the others work element by element. */
export const gradientCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  BroadcastGradientArgs: () => all,
}
