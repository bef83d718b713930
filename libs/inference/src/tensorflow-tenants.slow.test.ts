// Many models in TensorFlow: who gets a process of its own, who comes back, and what is told of ends.

import { readFile } from 'node:fs/promises'
import { attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test, vi } from 'vitest'
import { startFolder } from './sample-folder.ts'
import { addInts, foreignModel, info, modelBytes, slowModel } from './sample-models.ts'
import {
  type HostedLoad,
  type HostedModel,
  startTensorflowHost,
  type TensorflowHostOptions,
} from './tensorflow-host.ts'
import type { ProcessEnd } from './tensorflow-terms.ts'

const folder = await startFolder()
const SETTLES = { timeout: 60_000, interval: 20 }
const LARGE_BYTES = 64 * 2 ** 20
/** Some 20 ms, a second or two, and so long that a test can interrupt it. */
const [slowish, slow, endless] = [
  await folder.add(slowModel(300)),
  await folder.add(slowModel(1_200)),
  await folder.add(slowModel()),
]
const quick = await folder.add(foreignModel())

afterAll(async () => await folder[Symbol.asyncDispose]())

const runSlow = async (model: HostedModel, deadlineMs?: number) =>
  await model.run([{ name: 'x:0', tensor: floatTensor([0.001], []) }], ['sum:0'], deadlineMs)

const runQuick = async (model: HostedModel) =>
  await model.run([{ name: 'x:0', tensor: floatTensor([5]) }], ['y:0'])

/** Hundredths of a second that a process has worked. */
async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.split(' ')[13])
}

/** A host with a quick model that is asked all the time; `stop` throws if one request of it failed. */
async function startHost(options: TensorflowHostOptions = {}) {
  const ends: ProcessEnd[] = []
  const host = startTensorflowHost({ onEnd: (end) => ends.push(end), ...options })
  const other = await host.load(quick)
  const stopping = new AbortController()
  const asking = (async () => {
    while (!stopping.signal.aborted) await runQuick(other)
  })()
  asking.catch(() => {})
  return {
    host,
    ends,
    stop: async () => {
      stopping.abort()
      await asking
    },
    [Symbol.asyncDispose]: async () => await host[Symbol.asyncDispose](),
  }
}

type Own = Awaited<ReturnType<typeof startHost>>

/** A model that is slow, and where it was moved to. */
async function loadSlow({ host }: Own, load: HostedLoad = {}) {
  const moves: boolean[] = []
  const model = await host.load(slowish, { ...load, onMove: (isAlone) => moves.push(isAlone) })
  return { model, moves }
}

/** Loads one and asks it until it is alone. */
async function untilAlone(own: Own) {
  const { model, moves } = await loadSlow(own)
  await vi.waitUntil(async () => {
    await runSlow(model)
    return moves.length > 0
  }, SETTLES)
  return { model, moves }
}

/** Loads one and asks it often enough to be found slow. */
async function askOften(own: Own, load: HostedLoad = {}) {
  const { model, moves } = await loadSlow(own, load)
  for (let count = 0; count < 40; count++) await runSlow(model)
  return moves
}

test('a slow model gets a process of its own while all requests go on', async () => {
  await using own = await startHost()
  const before = own.host.pid

  const { model, moves } = await untilAlone(own)

  expect(moves).toEqual([true])
  expect(await runSlow(model)).toHaveLength(1)
  await own.stop()
  expect(own.host.pid).toBe(before)
  expect(own.host.ownPids).toHaveLength(1)
  await model.close()
  expect(own.host.ownPids).toEqual([])
  expect(own.ends).toEqual([])
})

test('one that keeps state stays where it is', async () => {
  await using own = await startHost()

  const moves = await askOften(own, { keepsState: true })

  expect(moves).toEqual([])
  expect(own.host.ownPids).toEqual([])
  await own.stop()
})

test('there are no more processes for slow models than were allowed', async () => {
  await using own = await startHost({ slowProcessesMax: 1 })
  await untilAlone(own)

  const moves = await askOften(own)

  expect(moves).toEqual([])
  expect(own.host.ownPids).toHaveLength(1)
  await own.stop()
})

test('one that nobody asks any more comes back', async () => {
  await using own = await startHost({ idleMs: 200 })
  const { model, moves } = await untilAlone(own)

  await vi.waitUntil(() => moves.length === 2 && own.host.ownPids.length === 0, SETTLES)

  expect(moves).toEqual([true, false])
  expect(await runSlow(model)).toHaveLength(1)
  await own.stop()
  expect(own.ends).toEqual([])
})

test('large models have processes of their own from the start, as many as are allowed', async () => {
  await using own = await startHost({ largeProcessesMax: 1 })
  const moves: boolean[] = []
  const load = { sizeBytes: LARGE_BYTES, onMove: (isAlone: boolean) => moves.push(isAlone) }

  const first = await own.host.load(quick, load)
  const second = await own.host.load(quick, load)

  expect(moves).toEqual([true])
  expect(own.host.ownPids).toHaveLength(1)
  expect(await runQuick(first)).toEqual(await runQuick(second))
  await own.stop()
})

test('a run that others waited for too long is run again by itself, and nobody fails', async () => {
  await using own = await startHost({ holdLimitMs: 100 })
  const before = own.host.pid
  const model = await own.host.load(slow)

  const answer = await runSlow(model, performance.now() + 60_000)

  expect(answer).toHaveLength(1)
  await own.stop()
  expect(own.host.pid).not.toBe(before)
  expect(own.host.ownPids).toHaveLength(1)
  expect(own.ends).toMatchObject([{ how: 'SIGKILL', isKilled: true, directory: slow }])
})

test('such a run ends nothing while another model there keeps state', async () => {
  await using own = await startHost({ holdLimitMs: 100 })
  const before = own.host.pid
  await own.host.load(quick, { keepsState: true })
  const model = await own.host.load(slow)

  const answer = await runSlow(model, performance.now() + 60_000)

  expect(answer).toHaveLength(1)
  await own.stop()
  expect(own.host.pid).toBe(before)
  expect(own.ends).toEqual([])
})

test('a run may take as long as its caller waits, whatever others may', async () => {
  await using host = startTensorflowHost({ runTimeoutMs: 50, runLimitMs: 50 })
  const model = await host.load(slow)

  const answer = await runSlow(model, performance.now() + 60_000)

  expect(answer).toHaveLength(1)
})

test('the end of a process is told with its reason and the model that it was at', async () => {
  await using own = await startHost()
  const model = await own.host.load(endless, { keepsState: true })
  const running = runSlow(model)
  running.catch(() => {})
  const pid = own.host.pid ?? 0
  const before = await cpuTicks(pid)
  await vi.waitUntil(async () => (await cpuTicks(pid)) > before + 50, SETTLES)

  process.kill(pid, 'SIGSEGV')

  await expect(running).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await vi.waitUntil(() => own.ends.length > 0, SETTLES)
  expect(own.ends).toMatchObject([{ pid, how: 'SIGSEGV', isKilled: false, directory: endless }])
  await own.stop()
})

test('runs that fail leave memory behind, and the process is started anew before that is much', async () => {
  await using own = await startHost()
  const builder = new GraphBuilder()
  addInts(builder, { axes: [0] })
  builder.constant('w', floatTensor(new Float32Array(4), [2, 2]))
  builder.add('Placeholder', 'x', [], {
    dtype: attr.type('DT_FLOAT'),
    shape: attr.shape(undefined),
  })
  builder.add('MatMul', 'y', ['x', 'w'], { T: attr.type('DT_FLOAT') })
  const about = { inputs: { x: info('x:0', 'DT_FLOAT') }, outputs: { y: info('y:0', 'DT_FLOAT') } }
  const directory = await folder.add(modelBytes(builder, { serving_default: about }))
  const model = await own.host.load(directory, { keepsState: true })
  const before = own.host.pid
  const wrong = floatTensor(new Float32Array(4_000_000), [4_000_000, 1])

  for (let count = 0; count < 20; count++)
    await expect(model.run([{ name: 'x:0', tensor: wrong }], ['y:0'])).rejects.toMatchObject({
      code: 'RUN_FAILED',
    })
  await vi.waitUntil(() => ![undefined, before].includes(own.host.pid), SETTLES)

  await own.stop()
  expect(own.ends).toMatchObject([
    { how: 'exit code 0', isKilled: false, stderr: expect.stringContaining('left 2720') },
  ])
})

test('inputs of a wrong rank fail and end nothing', async () => {
  await using own = await startHost()
  const builder = new GraphBuilder()
  const T = attr.type('DT_FLOAT')
  const sides = { padding: attr.string('VALID'), strides: attr.ints([1, 1, 1, 1]) }
  builder.constant('k', floatTensor(new Float32Array(36), [3, 3, 2, 2]))
  builder.constant('b', floatTensor(new Float32Array(2)))
  builder.add('Placeholder', 'x', [], { dtype: T, shape: attr.shape(undefined) })
  builder.add('Conv2D', 'conv', ['x', 'k'], { T, ...sides })
  builder.add('BiasAdd', 'biased', ['conv', 'b'], { T })
  builder.add('Relu', 'y', ['biased'], { T })
  const about = { inputs: { x: info('x:0', 'DT_FLOAT') }, outputs: { y: info('y:0', 'DT_FLOAT') } }
  const model = await own.host.load(
    await folder.add(modelBytes(builder, { serving_default: about })),
  )

  for (const shape of [[], [2], [2, 2], [1, 1, 1, 1, 1]]) {
    const tensor = floatTensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)
    const running = model.run([{ name: 'x:0', tensor }], ['y:0'])
    await expect(running).rejects.toMatchObject({ code: 'RUN_FAILED' })
  }

  await own.stop()
  expect(own.ends).toEqual([])
})
