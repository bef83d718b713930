import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelServerConfig, renderModelServerConfig } from '@drover/model-config'
import { makeLog } from '@drover/service'
import { ServingError } from '@drover/serving-api'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ConfigFile, singleModelConfig } from './config-file.ts'
import { CONTROL_LIMITS } from './limits.ts'

const MODELS = 100_000
const NONE = /Cannot transition/
let root: string
let path: string
let lines: { level: number; msg: string }[]
let served: ModelServerConfig[]
let refuse: ServingError | undefined

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-config-'))
  path = join(root, 'models.config')
  lines = []
  served = []
  refuse = undefined
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

const makeFile = (pollMs?: number) =>
  new ConfigFile({
    path,
    pollMs,
    reload: async (config) => {
      await Promise.resolve()
      if (config.isEmpty && served.length > 0)
        throw new ServingError('FAILED_PRECONDITION', 'Cannot transition to requested config.')
      served.push(config)
      if (refuse !== undefined) throw refuse
    },
    current: () => served.at(-1),
    log: makeLog('test', { write: (line) => lines.push(JSON.parse(line)) }),
    limits: CONTROL_LIMITS,
  })
const textOf = (...names: string[]): string =>
  renderModelServerConfig({
    models: names.flatMap((name) => singleModelConfig(name, `/models/${name}`).models),
  })
const names = () => served.at(-1)?.models.map(({ name }) => name)

test('the file is read at the start, and again when it changes', async () => {
  await writeFile(path, textOf('a'))
  const file = makeFile(5)
  await file.start()
  expect(names()).toEqual(['a'])

  await writeFile(path, textOf('a', 'b'))

  await vi.waitUntil(() => names()?.length === 2)
  file.stop()
})

test('the same bytes are neither parsed nor served again', async () => {
  await writeFile(path, textOf('a'))
  const file = makeFile()
  await file.start()

  await file.poll()

  expect(served).toHaveLength(1)
})

test('what somebody else changed is put back by the next poll', async () => {
  await writeFile(path, textOf('a'))
  const file = makeFile()
  await file.start()
  served.push(singleModelConfig('other', '/models/other'))

  await file.poll()

  expect(names()).toEqual(['a'])
})

describe('at the start', () => {
  test('a file that is none is an error in the words of upstream', async () => {
    await writeFile(path, 'improperly formatted file')

    await expect(makeFile().start()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        `Invalid protobuf file: '${path}': Error parsing text-format ` +
        'tensorflow.serving.ModelServerConfig: 1:12: Message type ' +
        '"tensorflow.serving.ModelServerConfig" has no field named "improperly".',
    })
  })

  test('so is a file that is missing, and a list that is refused', async () => {
    await expect(makeFile().start()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `${path}; No such file or directory`,
    })

    await writeFile(path, textOf('a'))
    refuse = new ServingError('INVALID_ARGUMENT', 'refused')
    await expect(makeFile().start()).rejects.toThrow('refused')
  })

  test('a model that does not become available is none', async () => {
    await writeFile(path, textOf('a'))
    refuse = new ServingError('UNKNOWN', '1 model(s) did not become available: {}')

    await makeFile().start()

    expect(lines).toMatchObject([{ msg: 'some models did not become available' }])
  })
})

describe('at a poll', () => {
  const good = textOf('a', 'b', 'c')
  const cut = good.slice(0, good.length / 2)

  test.each<[string, string | Buffer | undefined, RegExp]>([
    ['is cut off', cut, /Invalid protobuf file: .*: Error parsing text-format .*: \d+:\d+: /],
    ['is empty', '', NONE],
    ['is blank', ' \n# nothing\n', NONE],
    ['is missing', undefined, /No such file or directory/],
    ['is not UTF-8', Buffer.from([0x23, 0xff, 0x0a]), /is not UTF-8/],
  ])('a file that %s leaves everything as it is, and is told of once', async (_what, text, why) => {
    await writeFile(path, good)
    const file = makeFile()
    await file.start()

    if (text === undefined) await rm(path)
    else await writeFile(path, text)
    await file.poll()
    await file.poll()

    expect(names()).toEqual(['a', 'b', 'c'])
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(why)])

    await writeFile(path, textOf('d'))
    await file.poll()
    expect(names()).toEqual(['d'])
  })

  test('a list that is empty is a list', async () => {
    await writeFile(path, good)
    const file = makeFile()
    await file.start()

    await writeFile(path, 'model_config_list {}')
    await file.poll()

    expect(names()).toEqual([])
  })

  test('a file that is too large is not read', async () => {
    await writeFile(path, good)
    const limits = { ...CONTROL_LIMITS, configBytesMax: 10 }
    const file = new ConfigFile({
      path,
      limits,
      log: makeLog('test', { write: () => {} }),
      reload: async () => await Promise.reject(new Error('read')),
      current: () => undefined,
    })

    await expect(file.start()).rejects.toThrow('is larger than 10 bytes')
  })
})

test('100,000 models, whole and cut in the middle, let everything else go on', async () => {
  const text = textOf(...Array.from({ length: MODELS }, (_each, index) => `tenant-${index}.model`))
  await writeFile(path, text)
  const file = makeFile()
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns++
    if (!isOver) setImmediate(turn)
  }
  turn()

  await file.start()
  const turnsOfStart = turns
  await writeFile(path, text.slice(0, text.length / 2))
  await file.poll()
  isOver = true

  expect(served.at(-1)?.models).toHaveLength(MODELS)
  expect(lines.map(({ msg }) => msg)).toEqual([expect.stringContaining('Invalid protobuf file')])
  // It takes some 700 ms: at a few milliseconds a stretch these are far more turns than this.
  expect(turnsOfStart).toBeGreaterThan(50)
  expect(turns - turnsOfStart).toBeGreaterThan(25)
})

test('a pipe in place of the file is told as what it is, and waited for by nobody', async () => {
  execFileSync('mkfifo', [path])

  await expect(makeFile().start()).rejects.toThrow(`${path}; it cannot be read: EINVAL`)
})
