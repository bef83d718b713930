import { describe, expect, test } from 'vitest'
import { bytesOf, damaged, mutationsOf, outcomeOf, wholeFiles } from './damage-runs.fixture.ts'
import { chooseHere } from './fast-engine.ts'
import { decodeModel } from './model-files.ts'

/** The slow suite has thousands. */
const MUTATIONS = 200
const [GRAPH, INDEX, DATA] = [
  'saved_model.pb',
  'variables/variables.index',
  'variables/variables.data-00000-of-00001',
]

const files = wholeFiles()

describe.each(['auto', 'onnx'] as const)('loaded by %s', (engine) => {
  test('the whole model answers', async () => {
    expect(await outcomeOf(files, engine)).toBe('answered')
  })

  test('a damaged graph is refused, or runs as it stands there', async () => {
    const graph = new Map([[GRAPH, files.get(GRAPH) ?? new Uint8Array()]])
    for (const mutation of mutationsOf(graph, MUTATIONS))
      await expect(outcomeOf(damaged(files, mutation), engine), show(mutation)).resolves.toBeTypeOf(
        'string',
      )
  })

  test('a damaged checkpoint is refused, where it tells other numbers', async () => {
    const checkpoint = new Map([...files].filter(([path]) => path !== GRAPH))
    for (const mutation of mutationsOf(checkpoint, MUTATIONS))
      expect(['refused', 'answered'], show(mutation)).toContain(
        await outcomeOf(damaged(files, mutation), engine),
      )
  })
})

test.each([INDEX, DATA])('a refusal of a damaged %s names it', (path) => {
  const broken = damaged(files, { path, at: 12, isCut: true })

  const { savedModel } = decodeModel('/model', bytesOf(broken))

  expect(() => chooseHere(savedModel, 'fast')).toThrow(
    expect.objectContaining({
      code: 'LOAD_FAILED',
      cause: expect.objectContaining({
        message: expect.stringContaining('variables/variables cannot be read'),
      }),
    }),
  )
})

const show = (mutation: object): string => JSON.stringify(mutation)
