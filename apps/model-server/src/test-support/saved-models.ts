import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import {
  type DataType,
  floatTensor,
  type SignatureDef,
  type Tensor,
  type TensorInfo,
} from '@drover/serving-api'

/** Writes `<basePath>/<version>/saved_model.pb`. */
export async function writeVersion(
  basePath: string,
  version: number | string,
  bytes: Uint8Array,
): Promise<void> {
  const directory = join(basePath, `${version}`)
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'saved_model.pb'), bytes)
}

/** `y = 0.5 x + plus` for x of any shape. */
export function halfPlus(plus: number): Uint8Array {
  const graph = new GraphBuilder()
  const type = { T: attr.type('DT_FLOAT') }
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const half = graph.add('Mul', 'half', [x, graph.constant('a', floatTensor([0.5], []))], type)
  const y = graph.add('AddV2', 'y', [half, graph.constant('b', floatTensor([plus], []))], type)
  return model(graph, { x: 'DT_FLOAT' }, { y: { node: y, dtype: 'DT_FLOAT' } })
}

/** `y` = half of `x`, and 1: by a layer, for a vector. */
export function layer(): Uint8Array {
  const graph = new GraphBuilder()
  const type = { T: attr.type('DT_FLOAT') }
  const reshape = (name: string, of: string, shape: readonly number[]) =>
    graph.add('Reshape', name, [of, graph.constant(`${name}/shape`, ints(shape))], type)
  const rows = reshape('rows', placeholder(graph, 'x', 'DT_FLOAT'), [-1, 1])
  const weights = graph.constant('weights', floatTensor([0.5], [1, 1]))
  const half = graph.add('MatMul', 'half', [rows, weights], type)
  const sum = graph.add('BiasAdd', 'sum', [half, graph.constant('one', floatTensor([1]))], type)
  const y = reshape('y', sum, [-1])
  return model(graph, { x: 'DT_FLOAT' }, { y: { node: y, dtype: 'DT_FLOAT' } }, [-1])
}

/** `y` = the inverse of the matrix `x`: an operation that only TensorFlow runs. */
export function inverse(): Uint8Array {
  const graph = new GraphBuilder()
  const type = { T: attr.type('DT_FLOAT') }
  const x = placeholder(graph, 'x', 'DT_FLOAT')
  const y = graph.add('MatrixInverse', 'y', [x], type)
  return model(graph, { x: 'DT_FLOAT' }, { y: { node: y, dtype: 'DT_FLOAT' } })
}

/** Answers its inputs: of each type one, under names that it is given. */
export function echo(types: Readonly<Record<string, DataType>>): Uint8Array {
  const graph = new GraphBuilder()
  const outputs = Object.entries(types).map(([alias, dtype]) => {
    const input = placeholder(graph, alias, dtype)
    const node = graph.add('Identity', `${alias}_out`, [input], { T: attr.type(dtype) })
    return [alias, { node, dtype }] as const
  })
  return model(graph, types, Object.fromEntries(outputs))
}

const ints = (values: readonly number[]): Tensor => ({
  dtype: 'DT_INT32',
  shape: [values.length],
  values: Int32Array.from(values),
})

function placeholder(graph: GraphBuilder, name: string, dtype: DataType): string {
  return graph.add('Placeholder', name, [], {
    dtype: attr.type(dtype),
    shape: attr.shape(undefined),
  })
}

const info = (node: string, dtype: DataType, shape?: readonly number[]): TensorInfo => ({
  name: `${node}:0`,
  dtype,
  shape,
})

function model(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, DataType>>,
  outputs: Readonly<Record<string, { node: string; dtype: DataType }>>,
  shape?: readonly number[],
): Uint8Array {
  const serving_default: SignatureDef = {
    methodName: PREDICT_METHOD,
    inputs: mapValues(inputs, (dtype, alias) => info(alias, dtype, shape)),
    outputs: mapValues(outputs, ({ node, dtype }) => info(node, dtype, shape)),
  }
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
