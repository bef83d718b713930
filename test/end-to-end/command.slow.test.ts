import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { ServedList } from '@drover/model-config'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { askAll } from '../support/ask.ts'
import { call } from '../support/call.ts'
import {
  type LocalDrover,
  makeHome,
  processesOf,
  runDrover,
  startLocalDrover,
} from '../support/local.ts'
import { settle, startNeighbour, writeRows } from '../support/models.ts'
import { preparePython } from '../support/python.ts'
import { makeCsv } from '../support/rows.ts'

const PREPARE_MS_MAX = 10 * 60_000
const TEST_MS_MAX = 120_000
const HANG_MS_MAX = 500
const KERAS = join(import.meta.dirname, '..', 'python', 'keras_command.py')
/** A Keras model scores rows of two numbers, in the order of its training. */
const KERAS_ROW = [21, 0.5]

/** Small programs that an operator may have written: the last two arguments are data and output. */
const PROGRAMS = {
  fails: `console.error('the licence has expired'); process.exit(1)`,
  hangs: `
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', data])
    setInterval(() => {}, 1000)`,
  silent: '',
  garbage: `write('saved_model.pb', 'no model at all')`,
  'links-model': `symlinkSync('/etc/passwd', join(output, 'saved_model.pb'))`,
  'links-folder': `write('saved_model.pb', ''); symlinkSync('/etc', join(output, 'assets'))`,
  judges: `write('saved_model.pb', ''); write('VERDICT.json', '{"format":1,"pass":true}')`,
  commits: `write('saved_model.pb', ''); write('MANIFEST.json', '{"format":1}')`,
}
type Program = keyof typeof PROGRAMS

const PRELUDE = `
  import { spawn } from 'node:child_process'
  import { symlinkSync, writeFileSync } from 'node:fs'
  import { join } from 'node:path'
  const [data, output] = process.argv.slice(-2)
  const write = (name, text) => writeFileSync(join(output, name), text)
`

let home: string
let drover: LocalDrover
let data: string
let expectNeighbourAnswered: () => Promise<void>

/** Writes the operator's list of commands; gives its path. */
async function writeCommands(): Promise<string> {
  const commands: Record<string, object> = {
    keras: { argv: [await preparePython(), KERAS] },
    'not-there': { argv: ['/no/such/program'] },
  }
  for (const [name, text] of Object.entries(PROGRAMS)) {
    const path = join(home, `${name}.mjs`)
    await writeFile(path, `${PRELUDE}${text}\n`)
    const limits = name === 'hangs' ? { timeoutMs: HANG_MS_MAX } : {}
    commands[name] = { argv: [process.execPath, path], ...limits }
  }
  const path = join(home, 'commands.json')
  await writeFile(path, JSON.stringify(commands))
  return path
}

beforeAll(async () => {
  home = await makeHome()
  drover = await startLocalDrover(['--sample', 'none', '--commands', await writeCommands()], home)
  expectNeighbourAnswered = await startNeighbour(drover)
  data = await writeRows(drover, 'rows.csv', makeCsv())
}, PREPARE_MS_MAX)

afterAll(async () => {
  await drover[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

/** The arguments by which a tenant is onboarded with a command. */
const onboardBy = (command: string, tenant = command): string[] => {
  const how = ['--recipe', 'command', '--command', command, '--data', data]
  return ['onboard', tenant, '--model', 'm', ...how]
}

describe('a command that gives no model is named by what it did', () => {
  test.each<[Program | 'not-there', string]>([
    ['fails', 'the command ended with exit code 1, and last said: the licence has expired'],
    ['hangs', `the command took longer than ${HANG_MS_MAX} ms`],
    ['silent', 'there is no saved_model.pb in the output'],
    ['garbage', '"saved_model.pb" is not a SavedModel'],
    ['links-model', '"saved_model.pb" is a link'],
    ['links-folder', '"assets" is a link'],
    ['judges', '"VERDICT.json" has a reserved name'],
    ['commits', '"MANIFEST.json" has a reserved name'],
    ['not-there', '/no/such/program cannot be started'],
  ])('%s', { timeout: TEST_MS_MAX }, async (command, text) => {
    const { code, stage, note } = await settle(drover, ...onboardBy(command))
    const why = await drover.run('why', command)

    expect({ code, stage, note }).toEqual({ code: 7, stage: 'failed', note: `poison: ${text}` })
    expect(why.stdout).toContain(`run failed (poison): ${text}`)
    await expectNeighbourAnswered()
  })

  test('and nothing of it is left running', async () => {
    const running = (await processesOf(home)).filter((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(home, 'work')),
    )

    expect(running).toEqual([])
  })
})

test('a command that is not in the list is refused', async () => {
  const { code, stderr } = await drover.run(...onboardBy('rm'))

  expect(code).toBe(2)
  expect(stderr).toContain("recipe.command: rm is not in the operator's list of commands")
  await expectNeighbourAnswered()
})

test('a list of commands that is none is named at start', { timeout: TEST_MS_MAX }, async () => {
  const other = await makeHome()
  const path = join(other, 'commands.json')
  await writeFile(path, '{"keras": {"argv": "python"}}')

  const { code, stderr } = await runDrover(other, 'up', '--sample', 'none', '--commands', path)

  expect(code).toBe(1)
  expect(stderr).toContain(`the list of commands ${path} cannot be understood`)
  expect(await processesOf(other)).toEqual([])
  await rm(other, { recursive: true })
  await expectNeighbourAnswered()
})

/** The engines that run a model, as the model server of each server says on its admin socket. */
async function enginesOf(name: string): Promise<unknown[]> {
  const sockets = (await processesOf(home)).flatMap((pid) => {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const option = words.find((word) => word.startsWith('--admin_socket_path='))
    return option === undefined ? [] : [option.slice(option.indexOf('=') + 1)]
  })
  return await Promise.all(
    sockets.map(async (socketPath) => {
      const asked = request({ socketPath, path: '/v1/models' }).end()
      const [response] = await once(asked, 'response')
      const { versions } = ServedList.parse(await json(response))
      return versions.find((version) => version.name === name)?.engine
    }),
  )
}

test(
  'a Keras script is served by kernels, as both servers say',
  { timeout: TEST_MS_MAX },
  async () => {
    const { code, note } = await settle(drover, ...onboardBy('keras'))
    const predicted = await drover.run('predict', 'keras.m', JSON.stringify(KERAS_ROW))
    const path = '/v1/tenants/keras'
    const { body } = await call(drover, 'configPublisher', { method: 'GET', path })

    expect({ code, note }).toEqual({ code: 0, note: expect.stringContaining('2 of 2') })
    const [first, second] = z
      .array(z.array(z.number()).length(2))
      .parse(await askAll(drover, 'keras.m', KERAS_ROW))
    expect((first?.[0] ?? 0) + (first?.[1] ?? 0)).toBeCloseTo(1, 5)
    expect(second).toEqual(first)
    expect(predicted.stdout).toContain(JSON.stringify(first))
    expect(await enginesOf('keras.m')).toEqual(['kernel', 'kernel'])
    expect(await enginesOf('neighbour.late')).toEqual(['kernel', 'kernel'])
    const verdict = { pass: true, engine: 'kernel' }
    expect(body).toMatchObject({ models: { m: { versions: [{ version: 1, verdict }] } } })
    await expectNeighbourAnswered()
  },
)
