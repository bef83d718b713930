import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import { startFolder } from './sample-folder.ts'
import { foreignModel, info, modelBytes, slowModel } from './sample-models.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const folder = await startFolder()
const shared = startTensorflowHost({ waitingMax: 2 })
const SETTLES = { timeout: 30_000, interval: 20 }

afterAll(async () => {
  await shared[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The process loads it with its first model. */
const hasTensorflow = (pid: number | undefined): boolean => {
  const maps = `/proc/${pid}/maps`
  return existsSync(maps) && readFileSync(maps, 'utf8').includes('tfjs_binding.node')
}

const five = { x: floatTensor([5]) }
const scalar = { x: floatTensor([0.001], []) }

test('no process is started before the first model', async () => {
  await using host = startTensorflowHost()

  expect(host.pid).toBeUndefined()
})

test('a request that overruns its limit ends the process', async () => {
  await using host = startTensorflowHost({ runTimeoutMs: 50, runLimitMs: 150 })
  const directory = await folder.add(slowModel())
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow: host })
  const before = host.pid ?? 0

  const running = servable.run('serving_default', scalar)

  await expect(running).rejects.toMatchObject({
    code: 'TIMEOUT',
    message: 'no answer within 150 ms; the process was ended',
  })
  await vi.waitFor(() => expect(isAlive(before)).toBe(false), SETTLES)
})

test('a request whose time was over before its turn is not run', async () => {
  const directory = await folder.add(foreignModel())
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow: shared })

  const running = servable.run('serving_default', five, { deadlineMs: performance.now() - 1 })

  await expect(running).rejects.toMatchObject({ code: 'TIMEOUT' })
})

test('more waiting requests than allowed are refused', async () => {
  const directory = await folder.add(foreignModel())
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow: shared })

  const settled = await Promise.allSettled(
    [1, 2, 3].map(async () => await servable.run('serving_default', five)),
  )

  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(settled[2]).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
})

test('a closed model answers no more', async () => {
  const directory = await folder.add(foreignModel())
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow: shared })

  await servable.close()

  const running = servable.run('serving_default', five)
  await expect(running).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('a closed host loads nothing', async () => {
  const host = startTensorflowHost()

  await host[Symbol.asyncDispose]()

  const loading = host.load(await folder.add(foreignModel()))
  await expect(loading).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('the process sees nothing of the environment', async () => {
  await shared.load(await folder.add(foreignModel()))

  const environment = await readFile(`/proc/${shared.pid}/environ`, 'utf8')

  const names = environment.split('\0').map((entry) => entry.split('=')[0])
  expect(new Set(names.filter((name) => name !== ''))).toEqual(
    new Set([
      'GLIBC_TUNABLES',
      'NODE_CHANNEL_FD',
      'NODE_CHANNEL_SERIALIZATION_MODE',
      'TF_CPP_MIN_LOG_LEVEL',
      'TF_ENABLE_ONEDNN_OPTS',
      'TF_NUM_INTEROP_THREADS',
    ]),
  )
})

describe('what others left in memory is not answered with by', () => {
  const float = attr.type('DT_FLOAT')
  const shape = attr.shape([20_000])

  test.each<[string, (to: GraphBuilder) => void]>([
    [
      'ParallelConcat of fewer parts than it says',
      (to) => void to.add('ParallelConcat', 'y', ['x'], { T: float, N: attr.int(1), shape }),
    ],
    ['FakeParam', (to) => void to.add('FakeParam', 'y', ['^x'], { dtype: float, shape })],
  ])('%s', async (_name, build) => {
    const to = new GraphBuilder()
    to.add('Placeholder', 'x', [], { dtype: float, shape: attr.shape([1]) })
    build(to)
    const inputs = { x: info('x:0', 'DT_FLOAT', [1]) }
    const outputs = { y: info('y:0', 'DT_FLOAT', [20_000]) }
    const bytes = modelBytes(to, { serving_default: { inputs, outputs } })
    const holey = await shared.load(await folder.add(bytes))
    const other = await shared.load(await folder.add(foreignModel()))

    const answers = new Set<unknown>()
    for (let round = 0; round < 5; round++) {
      await other.run(
        [{ name: 'x:0', tensor: floatTensor(Array<number>(20_000).fill(5)) }],
        ['y:0'],
      )
      const [answer] = await holey.run([{ name: 'x:0', tensor: floatTensor([0]) }], ['y:0'])
      for (const value of answer?.values ?? []) answers.add(value)
    }

    expect(answers).toEqual(new Set([0]))
  })
})

test('a host whose process was killed starts another one and loads its models again', async () => {
  const directory = await folder.add(foreignModel())
  const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow: shared })
  const before = shared.pid ?? 0

  process.kill(before, 'SIGKILL')
  const answer = await vi.waitFor(async () => await servable.run('serving_default', five), SETTLES)

  expect(answer.y?.values[0]).toBeCloseTo(Math.log(24))
  expect(shared.pid).not.toBe(before)
})

test('a model that ends the process twice when it is loaded again is closed, and the others go on', async () => {
  await using host = startTensorflowHost()
  const [bad, good] = [await folder.add(foreignModel()), await folder.add(foreignModel())]
  const options = { engine: 'tensorflow', tensorflow: host } as const
  const [lost, kept] = [await loadServable(bad, options), await loadServable(good, options)]
  const pids = [host.pid ?? 0]
  const kill = () => process.kill(pids.at(-1) ?? 0, 'SIGKILL')
  const untilNext = async () => {
    await vi.waitUntil(() => host.pid !== pids.at(-1) && hasTensorflow(host.pid), SETTLES)
    pids.push(host.pid ?? 0)
  }
  // Whoever reads a pipe waits for a writer: the next process stays in the middle of this load.
  const path = join(bad, 'saved_model.pb')
  await rm(path)
  execFileSync('mkfifo', [path])
  kill()
  await untilNext()
  // Once it may have been anybody's doing.
  kill()
  await untilNext()

  kill()
  const answer = await vi.waitFor(async () => await kept.run('serving_default', five), SETTLES)

  expect(answer.y?.values[0]).toBeCloseTo(Math.log(24))
  expect(new Set([...pids, host.pid]).size).toBe(4)
  await expect(lost.run('serving_default', five)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the model is closed',
  })
})

test('a model that cannot be loaded again is closed, and who serves it hears of that', async () => {
  await using host = startTensorflowHost()
  const [bad, good] = [await folder.add(foreignModel()), await folder.add(foreignModel())]
  const onLost = vi.fn<(error: InferenceError) => void>()
  await host.load(bad, { onLost })
  const kept = await loadServable(good, { engine: 'tensorflow', tensorflow: host })
  await rm(join(bad, 'saved_model.pb'))

  process.kill(host.pid ?? 0, 'SIGKILL')

  const answer = await vi.waitFor(async () => await kept.run('serving_default', five), SETTLES)
  const reason: unknown = expect.objectContaining({ code: 'LOAD_FAILED' })
  expect(onLost.mock.calls).toEqual([[reason]])
  expect(answer.y?.values[0]).toBeCloseTo(Math.log(24))
})

test('the process ends with its parent, even in the middle of a request', async () => {
  const directory = await folder.add(slowModel())
  const built = fileURLToPath(new URL('../dist/index.js', import.meta.url))
  const script = `
    import { startTensorflowHost } from ${JSON.stringify(built)}
    const host = startTensorflowHost()
    const model = await host.load(${JSON.stringify(directory)})
    void model.run([{ name: 'x:0', tensor: { dtype: 'DT_FLOAT', shape: [], values: new Float32Array(1) } }], ['sum:0'])
    process.stdout.write(String(host.pid))
  `
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [pid] = await once(parent.stdout, 'data')

  parent.kill('SIGKILL')

  await vi.waitFor(() => expect(isAlive(Number(pid))).toBe(false), SETTLES)
})
