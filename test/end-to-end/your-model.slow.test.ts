// docs/your-model.md, run from its first block to its last as who follows it would.

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startTested, type TestedServer, untilAvailable } from '../contract/server.ts'
import { type LocalDrover, startLocalDrover } from '../support/local.ts'
import { preparePython } from '../support/python.ts'
import { ROOT } from '../support/root.ts'

const PREPARE_MS_MAX = 10 * 60_000
const STEP_MS_MAX = 180_000
const BLOCK = /^```(\w*)\n(.*?)^```$/gms
/** A command, with the lines of what it is handed, and what the page says that it prints. */
const COMMAND = /^\$ (.*?(?:<<END\n.*?^END)?)$\n?(.*?)(?=^\$ |$(?![^]))/gms
/** What a line of Python says that it prints. */
const PRINTED = /^print\(.*\)  # (.*)$/gm
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g
const MODELS = ['complaints', 'score', 'linear']

const run = promisify(execFile)

/** One thing to do, and the answer that the page promises. */
interface Step {
  language: string
  text: string
  promised: string
}

const stepsOf = (page: string): Step[] =>
  [...page.matchAll(BLOCK)].flatMap(([, language = '', text = '']) =>
    language === 'console'
      ? [...text.matchAll(COMMAND)].map(([, command = '', promised = '']) => ({
          language,
          text: command,
          promised,
        }))
      : [
          {
            language,
            text,
            promised: [...text.matchAll(PRINTED)].map(([, said]) => said).join('\n'),
          },
        ],
  )

const steps = stepsOf(readFileSync(join(ROOT, 'docs/your-model.md'), 'utf8'))

let folder: string
let python: Python
let drover: LocalDrover
let server: TestedServer | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-your-model-'))
  python = startPython(await preparePython())
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  drover = await startLocalDrover()
}, PREPARE_MS_MAX)

afterAll(async () => {
  python.process.stdin.end()
  await server?.[Symbol.asyncDispose]()
  await drover[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** One process for all blocks, as TensorFlow takes seconds to import; each has names of its own. */
interface Python {
  process: ChildProcessByStdio<Writable, Readable, Readable>
  run: (code: string) => Promise<string>
}

function startPython(interpreter: string): Python {
  const child = spawn(interpreter, [join(ROOT, 'test/python/blocks.py')], {
    cwd: folder,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    process: child,
    async run(code) {
      child.stdin.write(`${JSON.stringify(code)}\n`)
      const answer = await answers.next()
      if (answer.done === true) throw new Error(`Python ended: ${said}`)
      return z.string().parse(JSON.parse(answer.value))
    },
  }
}

/** The page's ports are whatever was free. */
const withPorts = (text: string): string =>
  server === undefined
    ? text
    : text
        .replaceAll('http://127.0.0.1:8501', server.rest)
        .replaceAll('127.0.0.1:8500', server.grpc)

async function runStep({ language, text }: Step): Promise<string> {
  const options = { cwd: folder, env: { ...process.env, DROVER_HOME: drover.home } }
  if (language === 'python') return await python.run(withPorts(text))
  if (language === 'console') return (await run('sh', ['-c', withPorts(text)], options)).stdout
  server = await startTested([`--model_config_file=${join(folder, 'models.config')}`])
  for (const name of MODELS) await untilAvailable(server, name)
  return ''
}

/** Without blanks, numbers with two digits: the last bits of a training are the machine's. */
const normal = (text: string): string =>
  text
    .replaceAll(/\s/g, '')
    .replaceAll(NUMBER, (number) => `${Math.round(Number(number) * 100) / 100}`)

const escaped = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)

/** What the page leaves out with `…` may be anything. */
const patternOf = (promised: string): RegExp =>
  new RegExp(`^${promised.split('…').map(normal).map(escaped).join('.*')}$`)

test.each(steps.map((step) => [step.text.trim().split('\n')[0], step] as const))(
  '%s',
  { timeout: STEP_MS_MAX },
  async (_, step) => {
    const printed = await runStep(step)

    expect(normal(printed)).toMatch(patternOf(step.promised))
  },
)

test('each kind of block is there', () => {
  const languages = steps.map(({ language }) => language)

  expect([...new Set(languages)].toSorted()).toEqual(['', 'console', 'python'])
  expect(steps.filter(({ promised }) => promised !== '').length).toBeGreaterThan(10)
})
