import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attr, GraphBuilder } from '@drover/saved-model'
import { encodeTensors, floatTensor, stringTensor } from '@drover/serving-api'
import { afterAll, expect, test } from 'vitest'
import { AllowedOperations, parseAllowed } from './allowed-operations.ts'
import { inspectModel } from './inspect.ts'
import { startProbe } from './probe.ts'
import { startSampleEngines } from './sample-engines.ts'
import { startFolder } from './sample-folder.ts'
import { info, modelBytes } from './sample-models.ts'

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const REFUSED = 'the node read is ReadFile, which reads files'
const directory = await addReader('what the file says')
const x = floatTensor([1, 2])
const requests = {
  format: 1 as const,
  requests: [{ signature: 'serving_default', inputs: encodeTensors({ x }) }],
}

/** A model that answers with what a file of the machine says. */
async function addReader(says: string): Promise<string> {
  const path = join(folder.path, 'read-by-a-model')
  await writeFile(path, says)
  const to = new GraphBuilder()
  const float = attr.type('DT_FLOAT')
  to.add('Placeholder', 'x', [], { dtype: float, shape: attr.shape([-1]) })
  to.constant('path', stringTensor([path], []))
  to.add('ReadFile', 'read', ['path'])
  to.add('Identity', 'same', ['x'], { T: float })
  const outputs = { said: info('read:0', 'DT_STRING', []), x: info('same:0', 'DT_FLOAT') }
  return await folder.add(
    modelBytes(to, { serving_default: { inputs: { x: info('x:0', 'DT_FLOAT') }, outputs } }),
  )
}

test('an operator’s list has names of operations that are refused, and no others', () => {
  expect(AllowedOperations.parse('')).toEqual([])
  expect(AllowedOperations.parse(' ReadFile, CacheDatasetV2,')).toEqual([
    'ReadFile',
    'CacheDatasetV2',
  ])
  for (const text of ['readfile', 'ReadFile;WriteFile', 'MatMul', 'Const', '*'])
    expect(() => AllowedOperations.parse(text)).toThrow('cannot be allowed')
  expect(() => AllowedOperations.parse('ReadFile,'.repeat(101))).toThrow('100')
})

test('all names that cannot be allowed are told in one line', () => {
  expect(parseAllowed('ReadFile, WriteFile')).toEqual({ allowed: ['ReadFile', 'WriteFile'] })
  expect(parseAllowed('MatMul,ReadFile,*')).toEqual({
    fault:
      '"MatMul" cannot be allowed: nothing is refused by this name alone; ' +
      '"*" cannot be allowed: nothing is refused by this name alone',
  })
})

test('engines load what is allowed and nothing else that is unsafe', async () => {
  await using refusing = startSampleEngines({ allowedOperations: ['WriteFile'] })
  await using allowing = startSampleEngines({ allowedOperations: ['ReadFile'] })

  await expect(refusing.engines.load(directory)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    message: expect.stringContaining(REFUSED),
  })
  const { servable } = await allowing.engines.load(directory)
  expect(await servable.run('serving_default', { x })).toEqual({
    said: stringTensor(['what the file says'], []),
    x,
  })
})

test('a probe checks what is allowed and nothing else that is unsafe', async () => {
  await using refusing = startProbe({ warm: [] })
  await using allowing = startProbe({ warm: [], allowedOperations: ['ReadFile'] })
  const check = { directory, engine: 'auto', requests, timeoutMs: 20_000 } as const

  await expect(refusing.check(check)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    message: expect.stringContaining(REFUSED),
  })
  const { engine, answers } = await allowing.check(check)
  expect(engine).toBe('tensorflow')
  expect(answers).toMatchObject([{ said: stringTensor(['what the file says'], []) }])
})

test('an inspection tells what a server that allows it would do', async () => {
  const [refused] = (await inspectModel(directory)).graphs
  const [allowed] = (await inspectModel(directory, ['ReadFile'])).graphs

  expect(refused).toMatchObject({ engine: undefined, reasons: [{ reason: REFUSED }] })
  expect(allowed?.engine).toBe('tensorflow')
})
