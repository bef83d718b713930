// What a model's outputs say of examples, if they have the right types and shapes.

import { invalid, type ServingError } from '../errors.ts'
import type { Tensor, TensorOf } from '../tensor.ts'
import { Alias } from './signature-fit.ts'

/** What was said of each example, row by row. */
export interface Classifications {
  examples: number
  /** Classes of each example. */
  classes: number
  /** The classes' names as UTF-8, `examples * classes` of them; undefined if the model names none. */
  labels: readonly Uint8Array[] | undefined
  /** As many; undefined if the model scores none. */
  scores: Float32Array | undefined
}

type Outputs = Readonly<Record<string, Tensor>>

/** Reads outputs as classifications of so many examples. Throws INVALID_ARGUMENT in upstream's words. */
export function classificationsOf(
  outputs: Outputs,
  wanted: readonly string[],
  examples: number,
): Classifications {
  const [labels, scores] = [Alias.CLASSES, Alias.SCORES].map((alias) =>
    wanted.includes(alias) ? outputs[alias] : undefined,
  )
  if (Object.keys(outputs).length < wanted.length)
    throw invalid(
      `Expected ${wanted.length} output tensor(s).  Got: ${Object.keys(outputs).length}`,
    )
  if (labels !== undefined) checkMatrix(labels, { name: 'classes', dtype: 'DT_STRING', examples })
  if (scores !== undefined) checkMatrix(scores, { name: 'scores', dtype: 'DT_FLOAT', examples })
  const sizes = [labels, scores].flatMap((tensor) => tensor?.shape[1] ?? [])
  if (sizes[1] !== undefined && sizes[0] !== sizes[1])
    throw invalid(
      `Tensors class and score should match in dim_size(1). Got ${sizes[0]} vs. ${sizes[1]}`,
    )
  return {
    examples,
    classes: sizes[0] ?? 0,
    labels: labels?.dtype === 'DT_STRING' ? labels.values : undefined,
    scores: scores?.dtype === 'DT_FLOAT' ? scores.values : undefined,
  }
}

function checkMatrix(
  { dtype, shape }: Tensor,
  expected: { name: string; dtype: string; examples: number },
): void {
  if (shape.length !== 2)
    throw invalid(`Expected Tensor shape: [batch_size num_classes] but got ${shapeText(shape)}`)
  if (dtype !== expected.dtype)
    throw invalid(`Expected ${expected.name} Tensor of ${expected.dtype}. Got: ${dtype}`)
  if (shape[0] !== expected.examples)
    throw invalid(
      `Expected ${expected.name} output batch size of ${expected.examples}. Got: ${shape[0]}`,
    )
}

/** Reads outputs as one number for each of so many examples. Throws INVALID_ARGUMENT in upstream's words. */
export function regressionsOf(outputs: Outputs, examples: number): Float32Array {
  const output = outputs[Alias.OUTPUTS]
  if (output === undefined) throw invalid(`Could not find output tensor '${Alias.OUTPUTS}'`)
  const { shape } = output
  const isVector = shape.length === 1 || (shape.length === 2 && shape[1] === 1)
  if (!isVector)
    throw invalid(
      'Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got ' +
        shapeText(shape),
    )
  if (shape[0] !== examples)
    throw invalid(`Input batch size did not match output batch size: ${examples} vs. ${shape[0]}`)
  if (!isFloat(output)) throw wrongType(output)
  return output.values
}

const isFloat = (tensor: Tensor): tensor is TensorOf<'DT_FLOAT'> => tensor.dtype === 'DT_FLOAT'

const wrongType = ({ dtype }: Tensor): ServingError =>
  invalid(`Expected output Tensor of DT_FLOAT.  Got: ${dtype}`)

/** As TensorFlow prints shapes. */
const shapeText = (shape: readonly number[]): string => `[${shape.join(',')}]`
