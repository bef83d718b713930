import { describe, expect, test } from 'vitest'
import { readSavedModel } from './read.ts'
import { WireWriter } from './wire.ts'

const INDEX = 'variables/variables.index'

/** A node that may call a function. */
function nodeOf(name: string, op: string, inputs: string[] = [], called?: string): WireWriter {
  const node = new WireWriter().bytes(1, name).bytes(2, op)
  for (const input of inputs) node.bytes(3, input)
  if (called === undefined) return node
  const value = new WireWriter().message(10, new WireWriter().bytes(1, called))
  return node.message(5, new WireWriter().bytes(1, 'f').message(2, value))
}

interface Parts {
  nodes: WireWriter[]
  /** Operations of the function `restore`. */
  restores?: string[]
  restoreOp?: string
  assets?: string[]
}

/** What `saved_model.pb` with these parts cannot do without. */
function neededBy({ nodes, restores = [], restoreOp, assets = [] }: Parts): readonly string[] {
  const restore = new WireWriter().message(1, new WireWriter().bytes(1, 'restore'))
  for (const op of restores) restore.message(3, nodeOf(op, op))
  const graph = new WireWriter().message(2, new WireWriter().message(1, restore))
  for (const node of nodes) graph.message(1, node)
  const metaGraph = new WireWriter()
    .message(1, new WireWriter().bytes(4, 'serve'))
    .message(2, graph)
  if (restoreOp !== undefined) metaGraph.message(3, new WireWriter().bytes(3, restoreOp))
  for (const name of assets) metaGraph.message(6, new WireWriter().bytes(2, name))
  return readSavedModel(new WireWriter().message(2, metaGraph).finish()).neededFiles
}

const call = nodeOf('Call_2', 'StatefulPartitionedCall', ['saver_filename'], 'restore')

test.each(['AssignVariableOp', 'LookupTableImportV2'])(
  'a model of TensorFlow 2 that restores by %s needs its checkpoint',
  (op) => {
    const nodes = [nodeOf('saver_filename', 'Placeholder'), call]

    expect(neededBy({ nodes, restores: ['RestoreV2', op], restoreOp: 'Call_2' })).toEqual([INDEX])
  },
)

test('a model of TensorFlow 1 that restores variables needs its checkpoint', () => {
  const nodes = [
    nodeOf('w', 'VariableV2'),
    nodeOf('save/RestoreV2', 'RestoreV2'),
    nodeOf('save/Assign', 'Assign', ['w', 'save/RestoreV2']),
    nodeOf('save/restore_all', 'NoOp', ['^save/Assign']),
  ]

  expect(neededBy({ nodes, restoreOp: 'save/restore_all' })).toEqual([INDEX])
})

test('a checkpoint that restores nothing is not needed', () => {
  expect(neededBy({ nodes: [call], restores: ['RestoreV2'], restoreOp: 'Call_2' })).toEqual([])
})

test('variables that an operation initialises need no checkpoint', () => {
  const nodes = [nodeOf('w', 'VariableV2'), nodeOf('init', 'Assign', ['w'])]

  expect(neededBy({ nodes })).toEqual([])
})

test('assets are needed', () => {
  expect(neededBy({ nodes: [], assets: ['words.txt', 'more/names.txt'] })).toEqual([
    'assets/words.txt',
    'assets/more/names.txt',
  ])
})

const text = (number: number, value: string) => new WireWriter().bytes(number, value)
const collection = (key: string, node: string) =>
  text(1, key).message(2, new WireWriter().message(1, text(1, node)))
const tensor = text(1, 'after')
const init = text(1, '__saved_model_init_op').message(2, tensor)
const asset = (name: string, file: string) =>
  new WireWriter().message(1, text(1, name)).bytes(2, file)

test('what TensorFlow runs and feeds at a load is read, however its versions say it', () => {
  const anys = new WireWriter()
    .message(1, text(1, 'AssetFileDef').message(2, asset('old:0', 'old.txt')))
    .message(1, text(1, 'AssetFileDef').message(2, asset('words:0', 'words.txt')))
  const metaGraph = new WireWriter()
    .message(1, text(4, 'serve'))
    .message(2, new WireWriter())
    .message(3, text(1, 'saver_filename:0').bytes(3, 'restore'))
    .message(4, collection('legacy_init_op', 'tables'))
    .message(4, collection('saved_model_main_op', 'main:0'))
    .message(4, collection('trainable_variables', 'w'))
    .message(4, text(1, 'saved_model_assets').message(2, new WireWriter().message(5, anys)))
    .message(5, text(1, '__saved_model_init_op').message(2, new WireWriter().message(2, init)))
    .message(6, asset('words:0', 'words.txt'))

  const { loading, neededFiles } = readSavedModel(new WireWriter().message(2, metaGraph).finish())

  expect(loading).toEqual({
    restoreOp: 'restore',
    initOps: ['after', 'tables', 'main'],
    checkpointPath: 'saver_filename:0',
    // TensorFlow looks into the collection only where there are no others.
    assets: [{ tensor: 'words:0', file: 'words.txt' }],
  })
  expect(neededFiles).toEqual(['assets/words.txt'])
})

test('assets of TensorFlow 1 may stand in a collection alone', () => {
  const anys = new WireWriter().message(
    1,
    text(1, 'AssetFileDef').message(2, asset('old:0', 'old.txt')),
  )
  const metaGraph = new WireWriter()
    .message(1, text(4, 'serve'))
    .message(4, text(1, 'saved_model_assets').message(2, new WireWriter().message(5, anys)))

  const { loading } = readSavedModel(new WireWriter().message(2, metaGraph).finish())

  expect(loading.assets).toEqual([{ tensor: 'old:0', file: 'old.txt' }])
})

const NODES = new WireWriter().message(1, new WireWriter())

describe('a collection of which TensorFlow takes another part than the first is refused:', () => {
  const any = text(1, 'AssetFileDef').message(2, asset('old:0', 'old.txt'))
  const assets = new WireWriter().message(5, new WireWriter().message(1, any))
  const named = (lists: WireWriter) => text(1, 'saved_model_assets').message(2, lists)
  const refusalOf = (...collections: WireWriter[]) => {
    const metaGraph = new WireWriter().message(1, text(4, 'serve'))
    for (const each of collections) metaGraph.message(4, each)
    return () => readSavedModel(new WireWriter().message(2, metaGraph).finish())
  }

  test('one that is there twice', () => {
    const refusal = refusalOf(named(assets), named(NODES))

    expect(refusal).toThrow('the collection saved_model_assets is written twice')
  })

  test('one of two kinds', () => {
    const both = new WireWriter().raw(assets.finish()).raw(NODES.finish())

    expect(refusalOf(named(both))).toThrow('the collection saved_model_assets is written twice')
  })
})
