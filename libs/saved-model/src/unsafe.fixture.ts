// Models of which something may be unsafe.

import { stringTensor } from '@drover/serving-api'
import {
  type FunctionDef,
  GraphBuilder,
  type Loading,
  type NodeDef,
  NOTHING_TO_LOAD,
  PREDICT_METHOD,
  type SavedModel,
} from './graph.ts'

export interface Parts {
  build?: (to: GraphBuilder) => void
  functions?: FunctionDef[]
  loading?: Partial<Loading>
}

const info = (name: string) => ({ name, dtype: 'DT_STRING', shape: undefined }) as const

/** A model that answers `x` with `y`; there are the paths `checkpoint` and `words` as well. */
export function modelOf({ build, functions = [], loading }: Parts): SavedModel {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x')
  to.constant('checkpoint', stringTensor(['model'], []))
  to.constant('words', stringTensor(['words.txt'], []))
  to.add('HashTableV2', 'table')
  build?.(to)
  const graph = to.build()
  const hasOutput = graph.nodes.some(({ name }) => name === 'y')
  if (!hasOutput) to.add('Identity', 'y', ['x'])
  return {
    tags: ['serve'],
    graph: { ...to.build(), functions: new Map(functions.map((each) => [each.name, each])) },
    signatures: {
      main: { methodName: PREDICT_METHOD, inputs: { x: info('x:0') }, outputs: { y: info('y:0') } },
    },
    tensorflowVersion: '',
    loading: {
      ...NOTHING_TO_LOAD,
      checkpointPath: 'checkpoint:0',
      assets: [{ tensor: 'words:0', file: 'words.txt' }],
      ...loading,
    },
    neededFiles: [],
  }
}

export const calling = (name: string) => ({ f: { kind: 'function', value: name } as const })
export const nodeOf = (
  op: string,
  inputs: string[] = [],
  attrs: NodeDef['attrs'] = {},
): NodeDef => ({
  name: op,
  op,
  inputs,
  attrs,
})
export const functionOf = (name: string, nodes: NodeDef[], inputs: string[] = []): FunctionDef => ({
  name,
  inputs,
  outputs: [],
  effects: [],
  nodes,
})
