// Many rows, a few at a time.

import { performance } from 'node:perf_hooks'
import type { Plan, RowWise } from '@drover/saved-model'
import { bytesOf, bytesOfType, sizeOf, type Tensor, tensorOfBytes } from '@drover/serving-api'
import type { Tensors } from '../servable.ts'
import { Pace, Stretches } from './stretches.ts'

/** How many rows a request has; undefined where its shapes are not those that the signature tells of. */
export function rowsOf(
  { sliced, whole: others }: RowWise,
  inputs: Readonly<Tensors>,
): number | undefined {
  let rows: number | undefined
  for (const { alias, inner } of sliced) {
    const shape = inputs[alias]?.shape
    if (shape === undefined || shape.length !== inner.length + 1) return undefined
    for (let axis = 0; axis < inner.length; axis++)
      if (inner[axis] !== -1 && inner[axis] !== shape[axis + 1]) return undefined
    if (rows !== undefined && shape[0] !== rows) return undefined
    rows = shape[0]
  }
  const isWhole = others.every(({ alias, shape }) => isEqual(inputs[alias]?.shape ?? [-1], shape))
  return isWhole ? rows : undefined
}

const isEqual = (shape: readonly number[], wanted: readonly number[]): boolean =>
  shape.length === wanted.length && wanted.every((size, axis) => size === shape[axis])

/** A request that is run in parts. */
export interface SlicedRun {
  inputs: Readonly<Tensors>
  rowWise: RowWise
  rows: number
  /** Of a row, about, in multiply-adds. */
  cost: number
  outputs: readonly string[] | undefined
  deadlineMs: number
}

/** The answer to all rows; at once if that takes about 2 ms at most. */
export function runInSlices(
  plan: Plan,
  { inputs, rowWise, rows, cost, outputs, deadlineMs }: SlicedRun,
): Tensors | Promise<Tensors> {
  const started = performance.now()
  const stretches = new Stretches(deadlineMs, started)
  const answers: Tensors[] = []
  const pace = new Pace(cost)
  let done = 0
  return stretches.run({
    isDone: () => done === rows,
    work() {
      const before = performance.now()
      const to = Math.min(rows, done + pace.rows)
      const isAll = to - done === rows
      const slots = plan.start(isAll ? inputs : sliceOf(inputs, rowWise, { from: done, to }))
      plan.run(slots)
      answers.push(plan.finish(slots, outputs))
      pace.took(to - done, performance.now() - before)
      done = to
    },
    finish: () => whole(answers, rowWise),
  })
}

function whole(answers: readonly Tensors[], { same }: RowWise): Tensors {
  const [first = {}] = answers
  const all: Tensors = {}
  for (const [alias, tensor] of Object.entries(first)) {
    const parts = same.includes(alias) ? [] : answers.flatMap((answer) => answer[alias] ?? [])
    all[alias] = joined(parts) ?? tensor
  }
  return all
}

function sliceOf(
  inputs: Readonly<Tensors>,
  { sliced }: RowWise,
  { from, to }: { from: number; to: number },
): Tensors {
  const slice: Tensors = { ...inputs }
  for (const { alias } of sliced) {
    const tensor = inputs[alias]
    if (tensor !== undefined) slice[alias] = rowsIn(tensor, from, to)
  }
  return slice
}

function rowsIn(tensor: Tensor, from: number, to: number): Tensor {
  const [, ...inner] = tensor.shape
  const shape = [to - from, ...inner]
  const width = sizeOf(inner)
  if (tensor.dtype === 'DT_STRING')
    return { dtype: 'DT_STRING', shape, values: tensor.values.slice(from * width, to * width) }
  const bytes = width * bytesOfType(tensor.dtype)
  return tensorOfBytes(tensor.dtype, shape, bytesOf(tensor).subarray(from * bytes, to * bytes))
}

/** The rows of all parts, one after the other. */
function joined(parts: readonly Tensor[]): Tensor | undefined {
  const [first] = parts
  if (first === undefined || parts.length === 1) return first
  const [, ...inner] = first.shape
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const shape = [rows, ...inner]
  if (first.dtype === 'DT_STRING') {
    const values = parts.flatMap((part) => (part.dtype === 'DT_STRING' ? part.values : []))
    return { dtype: 'DT_STRING', shape, values }
  }
  const bytes = new Uint8Array(sizeOf(shape) * bytesOfType(first.dtype))
  let at = 0
  for (const part of parts) {
    if (part.dtype === 'DT_STRING') continue
    bytes.set(bytesOf(part), at)
    at += part.values.byteLength
  }
  return tensorOfBytes(first.dtype, shape, bytes)
}
