import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import { type DataType, floatTensor, type SignatureDef, type TensorInfo } from '@drover/serving-api'

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

function placeholder(graph: GraphBuilder, name: string, dtype: DataType): string {
  return graph.add('Placeholder', name, [], {
    dtype: attr.type(dtype),
    shape: attr.shape(undefined),
  })
}

const info = (node: string, dtype: DataType): TensorInfo => ({
  name: `${node}:0`,
  dtype,
  shape: undefined,
})

function model(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, DataType>>,
  outputs: Readonly<Record<string, { node: string; dtype: DataType }>>,
): Uint8Array {
  const serving_default: SignatureDef = {
    methodName: PREDICT_METHOD,
    inputs: mapValues(inputs, (dtype, alias) => info(alias, dtype)),
    outputs: mapValues(outputs, ({ node, dtype }) => info(node, dtype)),
  }
  return writeSavedModel({ graph: graph.build(), signatures: { serving_default } })
}

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
