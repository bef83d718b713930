// What several requests of one signature are as one run, and how its answer is divided among them.

import { ServingError, type Tensor } from '@drover/serving-api'
import type { BatchingParameters } from '../flags/batching.ts'
import type { Outputs } from '../serving/core.ts'
import { joinRows, padColumns, takeRows } from './rows.ts'

/** One request, or a part of one that was too large for a batch. */
export interface Part {
  inputs: Readonly<Record<string, Tensor>>
  rows: number
}

/** How requests are brought to one shape. */
type Padding = Pick<BatchingParameters, 'allowedBatchSizes' | 'padVariableLengthInputs'>

/**
 * What has to be the same in all parts of a batch. Upstream fails a whole batch for one request of
 * another shape; here that request waits for a batch of its own kind.
 */
export function kindOf(
  inputs: Part['inputs'],
  { padVariableLengthInputs }: Pick<Padding, 'padVariableLengthInputs'>,
): string {
  return Object.entries(inputs)
    .map(([alias, { dtype, shape }]) => {
      const form = padVariableLengthInputs ? shape.length : shape.slice(1).join()
      return JSON.stringify([alias, dtype, form])
    })
    .toSorted()
    .join()
}

/** The inputs of all parts, which are of one kind, as one. */
export function joinParts(
  parts: readonly Part[],
  { allowedBatchSizes, padVariableLengthInputs }: Padding,
): Record<string, Tensor> {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const wanted = allowedBatchSizes.find((size) => size >= rows) ?? rows
  const [first] = parts
  return Object.fromEntries(
    Object.keys(first?.inputs ?? {}).map((alias) => {
      const tensors = parts.flatMap(({ inputs }) => inputs[alias] ?? [])
      const fitting = padVariableLengthInputs ? padTogether(tensors) : tensors
      return [alias, joinRows([...fitting, ...filler(fitting, wanted - rows)])]
    }),
  )
}

function padTogether(tensors: readonly Tensor[]): Tensor[] {
  const sizes = (tensors[0]?.shape ?? [])
    .slice(1)
    .map((_, axis) => Math.max(...tensors.map(({ shape }) => shape[axis + 1] ?? 0)))
  return tensors.map((tensor) => padColumns(tensor, sizes))
}

/** Rows that nobody asked for, to come to an allowed size: the first row again, which the model can run. */
function filler([first]: readonly Tensor[], rows: number): Tensor[] {
  if (first === undefined || rows <= 0) return []
  const row = takeRows(first, 0, 1)
  return Array.from({ length: rows }, () => row)
}

/** Each part's rows of the answer. Throws FAILED_PRECONDITION where the answer has no such rows. */
export function divide(outputs: Outputs, parts: readonly Part[]): Outputs[] {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  for (const { shape } of Object.values(outputs)) {
    const [size] = shape
    if (size === undefined)
      throw new ServingError('FAILED_PRECONDITION', 'Batched output tensor has 0 dimensions')
    if (size < rows)
      throw new ServingError(
        'FAILED_PRECONDITION',
        "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of " +
          'the input tensors',
      )
  }
  let start = 0
  return parts.map((part) => {
    const from = start
    start += part.rows
    return mapValues(outputs, (tensor) => takeRows(tensor, from, part.rows))
  })
}

/** Cuts a request into parts of at most so many rows. */
export function cut({ inputs, rows }: Part, rowsMax: number): Part[] {
  const parts: Part[] = []
  for (let start = 0; start < rows; start += rowsMax) {
    const size = Math.min(rowsMax, rows - start)
    parts.push({ inputs: mapValues(inputs, (tensor) => takeRows(tensor, start, size)), rows: size })
  }
  return parts
}

/** The answers of the parts of one request as its answer. */
export function joinOutputs(parts: readonly Outputs[]): Outputs {
  const [first = {}] = parts
  return mapValues(first, (_, alias) => joinRows(parts.flatMap((part) => part[alias] ?? [])))
}

const mapValues = (
  record: Readonly<Record<string, Tensor>>,
  change: (tensor: Tensor, alias: string) => Tensor,
): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(record).map(([alias, tensor]) => [alias, change(tensor, alias)]),
  )
