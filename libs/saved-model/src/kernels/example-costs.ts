// What it costs to parse examples: their bytes are read, and rows may be filled up with what they do not bring.

import type { NodeDef } from '../graph.ts'
import type { Value } from '../values.ts'
import { all, type Cost, ELEMENT_NS, filled, textsNs } from './cost-parts.ts'

/** What it takes to look for a feature in an example. */
const FEATURE_NS = 200

type Shapes = readonly (readonly number[] | undefined)[]

const parsed =
  (shapes: Shapes, features: number): Cost =>
  (inputs) => {
    const [serialized, ...more] = inputs
    const examples = filled(serialized?.shape ?? [])
    const ns = textsNs(inputs.slice(0, 1)) + examples * features * FEATURE_NS + all(more)
    return ns + examples * widthOf(shapes, inputs) * ELEMENT_NS
  }

/** Steps are filled up to those of the longest example. */
const sequences = (node: NodeDef): Cost => {
  const lists = shapesIn(node, 'feature_list_dense_shapes')
  const steps = lists.map((shape = []) => [-1, ...shape])
  return parsed([...shapesIn(node, 'context_dense_shapes'), ...steps], SEQUENCE_FEATURES)
}
/** Of which nobody asks for more, about. */
const SEQUENCE_FEATURES = 20

function shapesIn({ attrs }: NodeDef, name: string): Shapes {
  const shapes = attrs[name]
  return shapes?.kind === 'shapes' ? shapes.value : []
}

/** How many values a row has at most: its default, or as many as the longest example may bring. */
function widthOf(shapes: Shapes, inputs: readonly Value[]): number {
  const most = longest(inputs)
  return shapes.reduce((sum, shape = []) => {
    const piece = filled(shape)
    return sum + ((shape[0] ?? 0) < 0 ? Math.max(piece, most) : piece)
  }, 0)
}

function longest([serialized]: readonly Value[]): number {
  if (serialized?.dtype !== 'DT_STRING') return 0
  return serialized.values.reduce((most, { length }) => Math.max(most, length), 0)
}

const FEATURES = ['sparse_types', 'Tdense', 'ragged_value_types']

const costOfParsing = (node: NodeDef): Cost => {
  const features = FEATURES.flatMap((name) => {
    const types = node.attrs[name]
    return types?.kind === 'types' ? types.value : []
  })
  return parsed(shapesIn(node, 'dense_shapes'), features.length)
}

/** By TensorFlow's names. */
export const exampleCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  ParseExample: costOfParsing,
  ParseExampleV2: costOfParsing,
  ParseSequenceExampleV2: sequences,
  ParseSingleExample: costOfParsing,
}
