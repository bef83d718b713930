// How the server starts, refuses to start, and ends.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { post } from './cases/rest/case.ts'
import { GrpcClient, SOME_PREDICT } from './grpc-client.ts'
import { configList, configOf, writeModel } from './models.ts'
import { plus, sleepy } from './models/small.ts'
import { exchange } from './raw-http.ts'
import { COMMAND, startTested, type TestedServer, untilAvailable } from './server.ts'

const RUN_MS_MAX = 30_000
const CONNECTIONS = 8
const REFUSED = 'no connection'
/** The exit code of -1. */
const NOT_STARTED = 255
/** About a second of arithmetic. */
const SLEEPY_ROWS = 3_000

let root: string
let config: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const basePath = await writeModel(root, 'model', { '1': plus(1) })
  config = join(root, 'models.config')
  const slow = await writeModel(root, 'sleepy', { '1': sleepy() })
  await writeFile(config, configList([configOf('default', basePath), configOf('sleepy', slow)]))
})

afterAll(async () => await rm(root, { recursive: true, force: true }))

/** Flags of a server that needs no port. */
const noPort = (): string[] => ['--port=0', `--grpc_socket_path=${join(root, 'unused.sock')}`]

/** Runs the command to its end. */
async function run(...flags: readonly string[]) {
  const [command = '', ...words] = COMMAND
  return await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
    execFile(command, [...words, ...flags], { timeout: RUN_MS_MAX }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr }),
    ),
  )
}

describe.concurrent('the command line', () => {
  test('--version tells a version', async () => {
    const { code, stdout, stderr } = await run('--version')

    expect(code).toBe(0)
    expect(stdout + stderr).toMatch(/\d+\.\d+/)
  })

  test('--help tells of every flag', async () => {
    const { stdout, stderr } = await run('--help')

    for (const flag of ['--port', '--rest_api_port', '--model_config_file', '--enable_batching'])
      expect(stdout + stderr).toContain(flag)
  })

  test('without a model it does not start', async () => {
    const { code, stderr } = await run(...noPort())

    expect(code).toBe(NOT_STARTED)
    expect(stderr).toContain(
      'Both server_options.model_base_path and server_options.model_config_file are empty!',
    )
  })

  test('an unknown flag is told of, and it goes on', async () => {
    await using server = await startTested([`--model_config_file=${config}`, '--no_such_flag=1'])
    await untilAvailable(server, 'default')

    expect(server.said()).toContain('unknown argument: --no_such_flag=1')
    expect(server.said()).toContain('--model_config_file')
  })

  test('one model by its name and base path', async () => {
    const socket = join(root, 'only.sock')
    const flags = ['--model_name=only', `--model_base_path=${join(root, 'model')}`]
    await using server = await startTested([...flags, `--grpc_socket_path=${socket}`])
    await untilAvailable(server, 'only')

    expect(await ask(server, 'only')).toBe(200)
    // Scripts wait for these lines.
    await vi.waitUntil(() => server.stderr().includes('Exporting HTTP/REST API at:'))
    const [restPort, grpcPort] = [new URL(server.rest).port, server.grpc.split(':').at(-1)]
    expect(server.stderr()).toContain(`Exporting HTTP/REST API at:localhost:${restPort} ...\n`)
    expect(server.stderr()).toContain(`Running gRPC ModelServer at 0.0.0.0:${grpcPort} ...\n`)
    expect(server.stderr()).toContain(`Running gRPC ModelServer at UNIX socket ${socket} ...\n`)
    expect(server.stderr()).toContain('Entering the event loop ...\n')
  })
})

describe.concurrent('a config that is wrong', () => {
  const runWith = async (text: string) => {
    const file = join(await mkdtemp(join(root, 'wrong-')), 'models.config')
    await writeFile(file, text)
    return await run(...noPort(), `--model_config_file=${file}`)
  }

  test.each([
    [
      'no text format',
      'improperly formatted file',
      'Error parsing text-format tensorflow.serving.ModelServerConfig',
    ],
    [
      'an unknown field',
      'model_config_list { configs {} }',
      'Error parsing text-format tensorflow.serving.ModelServerConfig',
    ],
    [
      'cut off',
      'model_config_list { config { name: "a"',
      'Error parsing text-format tensorflow.serving.ModelServerConfig',
    ],
    [
      'a model twice',
      configList([configOf('a', '/a'), configOf('a', '/b')]),
      'Illegal to list model a multiple times in config list',
    ],
    [
      'a relative path',
      configList([configOf('a', 'a')]),
      'Expected model a to have an absolute path or URI; got base_path()=a',
    ],
    [
      'no platform',
      'model_config_list { config { name: "a" base_path: "/a" } }',
      'Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform, model name is a',
    ],
  ])('%s ends the start', async (_name, text, complaint) => {
    const { code, stderr } = await runWith(text)

    expect(code).toBe(NOT_STARTED)
    expect(stderr).toContain(complaint)
  })

  test('a file that is not there ends the start', async () => {
    const { code, stderr } = await run(...noPort(), '--model_config_file=/nowhere/models.config')

    expect(code).toBe(NOT_STARTED)
    expect(stderr).toContain('/nowhere/models.config')
  })
})

describe('SIGTERM', () => {
  test('under load: every request that was taken is answered, and it exits with 0', async () => {
    await using server = await startTested([`--model_config_file=${config}`])
    await untilAvailable(server, 'default')
    const outcomes: (number | string)[] = []
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
    const asking = Array.from({ length: CONNECTIONS }, async () => {
      while (outcomes.at(-1) !== REFUSED) outcomes.push(await ask(server, 'default', agent))
    })
    await vi.waitUntil(() => outcomes.length > 20 * CONNECTIONS, { timeout: RUN_MS_MAX })

    const ended = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    await Promise.all(asking)

    expect(await ended).toEqual([0, null])
    agent.destroy()
    expect(outcomes.filter((outcome) => outcome !== 200 && outcome !== REFUSED)).toEqual([])
  })

  test('under load over gRPC: every call that was taken is answered', async () => {
    await using server = await startTested([`--model_config_file=${config}`])
    await untilAvailable(server, 'default')
    let answered = 0
    const failures: unknown[] = []
    const asking = Array.from({ length: CONNECTIONS }, async () => {
      using client = new GrpcClient(server.grpc)
      while (failures.length === 0)
        await client.call('Predict', SOME_PREDICT).then(
          () => answered++,
          (error: unknown) => failures.push(error),
        )
    })
    await vi.waitUntil(() => answered > 20 * CONNECTIONS, { timeout: RUN_MS_MAX })

    const ended = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    await Promise.all(asking)

    expect(await ended).toEqual([0, null])
    // Nobody could connect any more; no call that had been sent was lost.
    for (const failure of failures)
      expect(failure).toMatchObject({
        code: status.UNAVAILABLE,
        details: expect.stringMatching(/No connection established|ECONNREFUSED|ECONNRESET/),
      })
  })

  test('while slow requests are in flight: they are answered', async () => {
    await using server = await startTested([`--model_config_file=${config}`])
    await untilAvailable(server, 'sleepy')
    const asking = Array.from({ length: 2 }, async () => {
      const body = `{"inputs":${SLEEPY_ROWS}}`
      return await exchange(server.rest, post('sleepy:predict', body))
    })
    // This one came later and is answered, so those are in flight.
    await ask(server, 'default')

    const ended = once(server.process, 'exit')
    server.process.kill('SIGTERM')

    for (const answer of await Promise.all(asking)) expect(answer.status).toBe(200)
    expect(await ended).toEqual([0, null])
  })
})

/** The status of a predict, or what went wrong; REFUSED if no connection was had for it. */
async function ask({ rest }: TestedServer, name: string, agent?: Agent): Promise<number | string> {
  return await new Promise((resolve) => {
    const sent = request(
      `${rest}/v1/models/${name}:predict`,
      { method: 'POST', ...(agent !== undefined && { agent }) },
      (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode ?? 0))
        response.once('error', (error) => resolve(`cut off: ${error.message}`))
      },
    )
    sent.once('error', (error) => {
      const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message
      // What waited to be accepted when listening ended is reset by the system.
      const isNew = code === 'ECONNRESET' && !sent.reusedSocket
      resolve(code === 'ECONNREFUSED' || isNew ? REFUSED : code)
    })
    sent.end('{"instances":[2.0]}')
  })
}
