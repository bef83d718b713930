import type { TensorOf } from '@drover/serving-api'
import { stridesOf } from '../values.ts'

interface Axis {
  size: number
  /** How far apart its neighbours are in what is read. */
  stride: number
}

/** Weights with their axes in another order: millions of them, so that each takes a few nanoseconds. */
export function turned(
  { dtype, shape, values }: TensorOf<'DT_FLOAT'>,
  perm: readonly number[],
): TensorOf<'DT_FLOAT'> {
  const strides = stridesOf(shape)
  const axes = perm.map((axis) => ({ size: shape[axis] ?? 1, stride: strides[axis] ?? 0 }))
  const to = new Float32Array(values.length)
  const inner = joined(axes)
  const last = inner.pop() ?? { size: 1, stride: 1 }
  const index = inner.map(() => 0)
  let from = 0
  for (let at = 0; at < to.length; at += last.size) {
    copyAxis({ values: to, at }, { values, at: from }, last)
    from = step(inner, index, from)
  }
  return { dtype, shape: axes.map(({ size }) => size), values: to }
}

/** Fewer and longer axes, where some are next to each other in both tensors. */
function joined(axes: readonly Axis[]): Axis[] {
  const found: Axis[] = []
  for (const axis of axes) {
    const before = found.at(-1)
    if (axis.size === 1) continue
    if (before?.stride === axis.size * axis.stride)
      found.splice(-1, 1, { size: before.size * axis.size, stride: axis.stride })
    else found.push(axis)
  }
  return found
}

function copyAxis(
  to: { values: Float32Array; at: number },
  from: { values: Float32Array; at: number },
  { size, stride }: Axis,
): void {
  for (let index = 0; index < size; index++)
    to.values[to.at + index] = from.values[from.at + index * stride] ?? 0
}

/** Moves on to the next place along these axes, the last of them first. */
function step(axes: readonly Axis[], index: number[], from: number): number {
  let position = from
  for (let axis = axes.length - 1; axis >= 0; axis--) {
    const { size, stride } = axes[axis] ?? { size: 1, stride: 0 }
    const next = (index[axis] ?? 0) + 1
    index[axis] = next < size ? next : 0
    position += next < size ? stride : stride * (1 - size)
    if (next < size) break
  }
  return position
}
