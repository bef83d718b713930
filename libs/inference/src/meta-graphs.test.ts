// SavedModels with several graphs, which are told apart by their tags.

import { savedModelOfText } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test } from 'vitest'
import { inspectModel } from './inspect.ts'
import { loadServable } from './load.ts'
import { readModelFiles } from './model-files.ts'
import { startFolder } from './sample-folder.ts'
import { graphText } from './sample-text-graphs.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const TEST_MS_MAX = 120_000
const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const write = async (...graphs: (readonly [op: string, ...tags: string[]])[]): Promise<string> => {
  const text = graphs.map(([op, ...tags]) => graphText(op, tags)).join('')
  return await folder.add(savedModelOfText(Buffer.from(text)))
}

const GRAPHS = [['Abs', 'train'], ['Relu', 'serve', 'gpu'], ['Neg', 'serve'], ['Exp']] as const

test.each([
  ['Neg', undefined],
  ['Neg', ['serve']],
  ['Neg', ['serve', 'serve']],
  ['Relu', ['gpu', 'serve']],
  ['Abs', ['train']],
  ['Exp', []],
])('the graph of %s is the one that has just the tags %s', async (op, tags) => {
  const { savedModel } = await readModelFiles(await write(...GRAPHS), { tags })

  expect(savedModel.graph.nodes.map((node) => node.op)).toEqual(['Placeholder', op])
})

test.each([[['gpu']], [['serve', 'train']], [['SERVE']]])(
  'where no graph has just the tags %s, those are told that there are',
  async (tags) => {
    await expect(readModelFiles(await write(...GRAPHS), { tags })).rejects.toMatchObject({
      code: 'LOAD_FAILED',
      cause: {
        code: 'NO_SERVE_GRAPH',
        message: `no graph has just the tags [${tags.join(', ')}]; there is [train], [serve, gpu], [serve], []`,
      },
    })
  },
)

test('a file without any is no SavedModel', async () => {
  await expect(inspectModel(await write())).rejects.toThrow('holds no graph')
})

test('each of them is inspected', async () => {
  const { graphs } = await inspectModel(await write(...GRAPHS))

  expect(graphs.map(({ savedModel, hidden }) => [...savedModel.tags, hidden])).toEqual([
    ['train', 0],
    ['serve', 'gpu', 0],
    ['serve', 0],
    [0],
  ])
})

const TWINS = [
  ['Neg', 'serve', 'gpu'],
  ['Abs', 'gpu', 'serve'],
  ['Relu', 'serve'],
  ['Exp', 'serve', 'serve'],
  ['Abs', 'serve'],
] as const

test('of graphs with the same tags the first is inspected, and the others are counted', async () => {
  const { graphs } = await inspectModel(await write(...TWINS))

  expect(graphs.map(({ savedModel, hidden }) => [savedModel.graph.nodes[1]?.op, hidden])).toEqual([
    ['Neg', 1],
    ['Relu', 2],
  ])
})

test.each(['fast', 'tensorflow'] as const)(
  'of graphs with the same tags %s loads the first',
  async (engine) => {
    await using tensorflow = startTensorflowHost()
    const servable = await loadServable(await write(...TWINS), { engine, tensorflow })

    const { y } = await servable.run('serving_default', { x: floatTensor([3, -2], [2]) })

    expect(Array.from<unknown>(y?.values ?? [])).toEqual([3, 0])
    await servable.close()
  },
  TEST_MS_MAX,
)
