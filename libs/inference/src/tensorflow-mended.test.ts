import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mend } from '@drover/saved-model'
import { encodeTensors, floatTensor } from '@drover/serving-api'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { loadServable } from './load.ts'
import { startProbe } from './probe.ts'
import { startSampleEngines } from './sample-engines.ts'
import { startFolder } from './sample-folder.ts'
import { denseModel } from './sample-models.ts'
import { addTwinModel } from './sample-twins.ts'
import { withMended } from './tensorflow-mended.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())
afterEach(() => void process.argv.splice(ARGUMENTS))

const ARGUMENTS = process.argv.length
const SETTLES = { timeout: 30_000, interval: 20 }
const x = floatTensor([1, 2, 4])
const EXPECTED = floatTensor([3, 10, 28])
const directory = await addTwinModel(folder, [3, 5, 7])

test.each(['fast', 'tensorflow'] as const)('both handles are restored in %s', async (engine) => {
  await using tensorflow = startTensorflowHost()
  const model = await loadServable(directory, { engine, tensorflow })

  expect(await model.run('serving_default', { x })).toEqual({ y: EXPECTED })
  await model.close()
})

test('both handles are restored where a server loads it, and in every life of TensorFlow', async () => {
  await using own = startSampleEngines({})
  const { engines } = own
  const { servable } = await engines.load(directory, { engine: 'tensorflow' })
  expect(await servable.run('serving_default', { x })).toEqual({ y: EXPECTED })

  process.kill(engines.tensorflowPid ?? 0, 'SIGKILL')
  // One that the process had begun would fail with it.
  await Promise.allSettled([servable.run('serving_default', { x })])

  expect(await servable.run('serving_default', { x })).toEqual({ y: EXPECTED })
})

test('both handles are restored in a probe', async () => {
  await using probe = startProbe()
  const requests = [{ signature: 'serving_default', inputs: encodeTensors({ x }) }]

  const { answers } = await probe.check({
    directory,
    engine: 'tensorflow',
    requests: { format: 1, requests },
    timeoutMs: 20_000,
  })

  expect(answers).toEqual([{ y: EXPECTED }])
})

test('what is made for TensorFlow is gone when it is loaded, or cannot be', async () => {
  let made = ''
  const load = async (from: string) =>
    await withMended(from, ['serve'], (mended) => {
      made = mended
      expect(existsSync(join(mended, 'variables/variables.index'))).toBe(true)
      throw new Error('it is not loaded')
    })

  await expect(load(directory)).rejects.toThrow('it is not loaded')
  expect(made).not.toBe('')
  expect(existsSync(made)).toBe(false)
})

test('what was made for TensorFlow goes with its process, when that is killed over it', async () => {
  await using host = startTensorflowHost()
  await host.load(directory, { needsMending: true })
  const command = await readFile(`/proc/${host.pid ?? ''}/cmdline`, 'utf8')
  const scratch = /--scratch=([^\0]+)/.exec(command)?.[1] ?? ''
  expect(existsSync(scratch)).toBe(false)
  // As far as a load would have come.
  await mkdir(scratch)
  await writeFile(join(scratch, 'saved_model.pb'), 'half of it')

  process.kill(host.pid ?? 0, 'SIGKILL')

  await vi.waitUntil(() => !existsSync(scratch), SETTLES)
})

test('a process makes it where it was told, and nowhere that is taken', async () => {
  const scratch = join(folder.path, 'scratch')
  process.argv.push(`--scratch=${scratch}`)
  const load = async () => await withMended(directory, ['serve'], (made) => made)

  expect(await load()).toBe(scratch)
  await mkdir(scratch)
  await expect(load()).rejects.toMatchObject({ code: 'EEXIST' })
})

test('what is there of the graph is not changed', async () => {
  const bytes = readFileSync(join(directory, 'saved_model.pb'))

  const mended = await withMended(directory, ['serve'], (made) =>
    readFileSync(join(made, 'saved_model.pb')),
  )

  // Behind the version of the format and a length.
  expect(mended.subarray(5, bytes.length)).toEqual(bytes.subarray(5))
  expect(mended.length).toBeGreaterThan(bytes.length)
})

test('of several graphs in one file only the one with the tags is mended', () => {
  const bytes = readFileSync(join(directory, 'saved_model.pb'))
  // A graph with the tag `a` and nothing else.
  const other = Buffer.of(0x12, 5, 0x0a, 3, 0x22, 1, 0x61)

  const both = Buffer.concat([bytes, other])

  expect(Buffer.from(mend(both))).toEqual(Buffer.concat([mend(bytes), other]))
  expect(mend(both, ['a'])).toBe(both)
})

test('of several graphs with the same tags the first is mended, which is the one that is loaded', () => {
  const bytes = readFileSync(join(directory, 'saved_model.pb'))
  // Behind the version of the format.
  const second = bytes.subarray(2)

  expect(Buffer.from(mend(Buffer.concat([bytes, second])))).toEqual(
    Buffer.concat([mend(bytes), second]),
  )
})

test('a handle is read when it has been restored, and not before', () => {
  const bytes = readFileSync(join(directory, 'saved_model.pb'))

  const added = Buffer.from(mend(bytes)).subarray(bytes.length).toString('latin1')

  // Two inputs, of eight bytes each.
  expect(added).toContain('ReadVariableOp\x1a\x08Variable\x1a\x08^restore')
})

test('nodes are added under names that no other node has, nor begins with', async () => {
  const taken = await addTwinModel(folder, [3, 5, 7], ['drover', 'drover_/0'])

  const bytes = readFileSync(join(taken, 'saved_model.pb'))
  const added = Buffer.from(mend(bytes)).subarray(bytes.length).toString('latin1')

  const names = Array.from(added.matchAll(/drover_*(\/0)?(\/read)?/g), ([name]) => name)
  expect(new Set(names)).toEqual(new Set(['drover__', 'drover__/0', 'drover__/0/read']))
})

test('a graph that restores all by itself stays as it is', () => {
  const bytes = denseModel([2, 3])

  expect(mend(bytes)).toBe(bytes)
})

test('a graph that is not there is no graph of the model', async () => {
  await expect(withMended(directory, ['train'], () => {})).rejects.toMatchObject({
    code: 'NO_SERVE_GRAPH',
  })
})
