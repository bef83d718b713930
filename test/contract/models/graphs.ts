// Parts of the graphs that the contract's models are made of.

import { type Attr, attr, type GraphBuilder } from '@drover/saved-model'
import { DataType, floatTensor, stringTensor, type TensorInfo } from '@drover/serving-api'

/** The attribute of an operation on floats. */
export const FLOAT = { T: attr.type('DT_FLOAT') }

/** Adds a placeholder of any shape. */
export function placeholder(graph: GraphBuilder, name: string, dtype: DataType): string {
  return graph.add('Placeholder', name, [], {
    dtype: attr.type(dtype),
    shape: attr.shape(undefined),
  })
}

/** What a signature says of a node's first output. */
export const info = (
  node: string,
  dtype: DataType,
  shape: readonly number[] | undefined,
): TensorInfo => ({ name: `${node}:0`, dtype, shape })

/** Adds a list of int32. */
export const integers = (graph: GraphBuilder, name: string, values: readonly number[]): string =>
  graph.constant(name, {
    dtype: 'DT_INT32',
    shape: [values.length],
    values: Int32Array.from(values),
  })

/** Fields of an AttrValue's list that `attr` does not make: types, and shapes of one dimension. */
const typeList = (types: readonly DataType[]): Attr => ({
  kind: 'other',
  value: message(
    1,
    message(
      6,
      Uint8Array.from(types, (type) => DataType[type]),
    ),
  ),
})
const shapeList = (sizes: readonly number[]): Attr => ({
  kind: 'other',
  value: message(1, ...sizes.map((size) => message(7, message(2, Uint8Array.of(8, size))))),
})

/** A length-delimited protobuf field below 128 bytes. */
function message(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts)
  return Buffer.concat([Uint8Array.of(field * 8 + 2, content.length), content])
}

/** Float features of a batch of serialized Examples, each of shape [batch, 1]; the second is 0 where it is missing. */
export function parseExamples(graph: GraphBuilder): { serialized: string; x: string; x2: string } {
  const serialized = placeholder(graph, 'tf_example', 'DT_STRING')
  const parsed = graph.add(
    'ParseExampleV2',
    'parsed',
    [
      serialized,
      graph.constant('names', stringTensor([])),
      graph.constant('sparse_keys', stringTensor([])),
      graph.constant('dense_keys', stringTensor(['x', 'x2'])),
      graph.constant('ragged_keys', stringTensor([])),
      graph.constant('no_default', floatTensor([])),
      graph.constant('zero', floatTensor([0])),
    ],
    {
      Tdense: typeList(['DT_FLOAT', 'DT_FLOAT']),
      num_sparse: attr.int(0),
      sparse_types: typeList([]),
      ragged_value_types: typeList([]),
      ragged_split_types: typeList([]),
      dense_shapes: shapeList([1, 1]),
    },
  )
  return {
    serialized,
    x: graph.add('Identity', 'x', [parsed], FLOAT),
    x2: graph.add('Identity', 'x2', [`${parsed}:1`], FLOAT),
  }
}
