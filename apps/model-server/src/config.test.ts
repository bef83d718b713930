import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Flags, readFlags } from './config.ts'
import { LIMITS } from './limits.ts'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const BINARY = fileURLToPath(new URL('../bin/drover-model-server', import.meta.url))
const run = promisify(execFile)
const MODEL = '--model_base_path=/models/half'

function flagsOf(...words: string[]): Flags {
  const asked = readFlags(words)
  if (asked.kind !== 'serve') throw new Error(asked.kind)
  return asked.settle()
}

test('bare upstream flags serve one model on the ports of upstream', () => {
  expect(flagsOf(MODEL, '--workers=2')).toEqual({
    rest: { port: undefined, host: undefined, timeoutMs: 30_000, hasCors: false },
    grpc: {
      port: 8_500,
      host: undefined,
      socketPath: undefined,
      socketName: undefined,
      channelArguments: {},
      hasHealth: false,
      writesTensorContent: false,
    },
    models: {
      configFile: undefined,
      configPollMs: undefined,
      single: { name: 'default', basePath: '/models/half' },
      discovery: { pollMs: 1_000 },
      allowsEarlyLabels: false,
      checksMethodNames: false,
    },
    loading: {
      loadsAtOnce: LIMITS.loadsAtOnceMax,
      retries: 5,
      retryMs: 60_000,
      tags: ['serve'],
      warmupRounds: 1,
      maxResidentBytes: undefined,
      allowedOperations: [],
    },
    engines: { engine: 'auto', intraOpThreads: 0, interOpThreads: 0 },
    process: {
      workers: 2,
      inherited: undefined,
      acceptLater: false,
      adminSocketPath: undefined,
      followsParent: false,
    },
    files: { batching: undefined, monitoring: undefined, ssl: undefined, unused: [] },
    limits: LIMITS,
    isBatching: false,
    isBatchingPerModel: false,
    isSinglePort: true,
    warnings: [],
  })
})

test('the flags cannot be changed', () => {
  const flags = flagsOf(MODEL)

  expect([flags, ...Object.values(flags)].every((part) => Object.isFrozen(part))).toBe(true)
})

const cases: [string[], object][] = [
  [['--rest_api_port=8501', '--rest_api_host=::1'], { rest: { port: 8_501, host: '::1' } }],
  [['--port=0', '--rest_api_port=8501'], { grpc: { port: undefined }, rest: { port: 8_501 } }],
  [['--port=0', '--grpc_socket_path=g'], { grpc: { port: undefined, socketPath: 'g' } }],
  [['--rest_api_timeout_in_ms=0'], { rest: { timeoutMs: 3_600_000 } }],
  [
    ['--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.primary_user_agent=a,b=2e9'],
    {
      grpc: {
        channelArguments: {
          'grpc.max_connection_age_ms': 2_000,
          'grpc.primary_user_agent': 'a',
          b: '2e9',
        },
      },
    },
  ],
  [['--model_config_file=/m'], { models: { configFile: '/m', single: undefined } }],
  [['--model_config_file_poll_wait_seconds=60'], { models: { configPollMs: 60_000 } }],
  [['--model_config_file_poll_wait_seconds=-1'], { models: { configPollMs: undefined } }],
  [['--file_system_poll_wait_seconds=0'], { models: { discovery: 'once' } }],
  [['--file_system_poll_wait_seconds=-1'], { models: { discovery: 'never' } }],
  [['--file_system_poll_wait_seconds=2147483647'], { models: { discovery: { pollMs: 2e9 } } }],
  [['--num_load_threads=2'], { loading: { loadsAtOnce: 2 } }],
  [
    ['--max_num_load_retries=-1', '--load_retry_interval_micros=-1'],
    { loading: { retries: 0, retryMs: 0 } },
  ],
  [['--saved_model_tags=serve,,gpu'], { loading: { tags: ['serve', 'gpu'] } }],
  [['--num_request_iterations_for_warmup=3'], { loading: { warmupRounds: 3 } }],
  [['--enable_model_warmup=false'], { loading: { warmupRounds: 0 } }],
  [['--max_resident_bytes=5000000000'], { loading: { maxResidentBytes: 5e9 } }],
  [
    ['--allowed_operations=ReadFile,PyFunc'],
    { loading: { allowedOperations: ['ReadFile', 'PyFunc'] } },
  ],
  [['--tensorflow_session_parallelism=3'], { engines: { intraOpThreads: 3, interOpThreads: 3 } }],
  [
    ['--tensorflow_session_parallelism=3', '--tensorflow_intra_op_parallelism=2'],
    { engines: { intraOpThreads: 2, interOpThreads: 0 } },
  ],
  [['--enable_batching'], { isBatching: true, isBatchingPerModel: false }],
  [['--enable_per_model_batching_parameters'], { isBatchingPerModel: false }],
  [['--admin_socket_path=a'], { isSinglePort: false, process: { adminSocketPath: 'a' } }],
  [
    ['--admin_socket_path=a', '--listen_fds=rest:4', '--accept_later'],
    {
      grpc: { port: undefined },
      process: {
        workers: 1,
        inherited: { rest: [4], grpc: [], unix: [] },
        acceptLater: true,
        followsParent: true,
      },
    },
  ],
  [
    ['--listen_fds=rest:4,5;grpc:6,7', '--follow_parent=false', '--rest_api_port=1'],
    { rest: { port: undefined }, process: { workers: 2, followsParent: false } },
  ],
  [
    ['--drain_timeout_in_ms=0', '--load_timeout_in_ms=60000', '--max_waiting_requests=5'],
    { limits: { ...LIMITS, drainMsMax: 0, loadMsMax: 60_000, waitingMax: 5 } },
  ],
  [['--platform_config_file=p', '--mixed_precision=x'], { files: { unused: ['p'] } }],
]
test.each(cases)('%j', (words, expected) => {
  expect(flagsOf(MODEL, ...words)).toMatchObject(expected)
})

const warnings: [string, string][] = [
  ['--rest_api_port=8500', 'server_options.http_port cannot be same as grpc_port.'],
  ['--model_config_file=/m', '--model_name and --model_base_path are ignored'],
  ['--enable_profiler=false', '--enable_profiler has no effect here, because '],
]
test.each(warnings)('%s is warned of', (word, warning) => {
  expect(flagsOf(MODEL, word).warnings).toEqual([expect.stringContaining(warning)])
})

test('a flag without effect that is given its default is not told of', () => {
  expect(flagsOf(MODEL, '--enable_profiler=true').warnings).toEqual([])
})

test('REST on the port of gRPC is left out', () => {
  expect(flagsOf(MODEL, '--rest_api_port=8500').rest.port).toBeUndefined()
})

const refusals: [string[], string][] = [
  [['--port=0'], 'At least one of server_options.grpc_port or server_options.grpc_socket_path'],
  [[], 'Both server_options.model_base_path and server_options.model_config_file are empty!'],
  [[MODEL, '--port=65536'], '--port=65536 is no TCP port'],
  [[MODEL, '--rest_api_port=-1'], '--rest_api_port=-1 is no TCP port'],
  [[MODEL, '--use_alts_credentials'], 'ALTS credentials are not supported'],
  [
    [MODEL, '--use_alts_credentials', '--ssl_config_file=s'],
    'Either use_alts_credentials must be false or ssl_config_file must be empty.',
  ],
  [
    [MODEL, '--batching_parameters_file=b'],
    'server_options.batching_parameters_file is set without setting server_options.enable_batching',
  ],
  [
    [
      MODEL,
      '--tensorflow_session_parallelism=1',
      '--tensorflow_intra_op_parallelism=1',
      '--tensorflow_inter_op_parallelism=1',
    ],
    'You cannot configure all.',
  ],
  [[MODEL, '--grpc_channel_arguments=a'], '"a" is not name=value'],
  [[MODEL, '--workers=0'], '--workers=0: at least 1'],
  [[MODEL, '--workers=1000'], '--workers=1000: at most 256'],
  [[MODEL, '--workers=2', '--listen_fds=rest:4'], '--listen_fds has 1 descriptors of a kind'],
  [[MODEL, '--accept_later'], '--accept_later wants --admin_socket_path'],
  [[MODEL, '--engine=onnx'], '--engine=onnx: one of auto, fast, tensorflow'],
  [[MODEL, '--allowed_operations=Readfile'], '--allowed_operations: "Readfile" cannot be allowed'],
  [[MODEL, '--max_resident_bytes=-1'], '--max_resident_bytes=-1'],
  [[MODEL, '--load_timeout_in_ms=0'], '--load_timeout_in_ms=0: at least 1'],
]
test.each(refusals)('%j is refused', (words, why) => {
  expect(() => flagsOf(...words)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(why) }),
  )
})

test('what is asked for is told in the order of upstream', () => {
  expect(readFlags(['--port=x', '--version', '--help'])).toMatchObject({ kind: 'faults' })
  expect(readFlags(['--version', '--help'])).toEqual({ kind: 'help' })
  expect(readFlags(['stray', '--version'])).toEqual({ kind: 'version' })
  expect(readFlags(['stray', MODEL])).toMatchObject({
    kind: 'serve',
    unknown: 'stray',
    words: [MODEL],
  })
})

describe('the program', () => {
  test('prints its flags', async () => {
    const { stdout } = await run(process.execPath, [MAIN, '--help'])
    expect(stdout).toMatch(/^usage: drover-model-server\nFlags:\n\t--port=8500 +\tint32\t/)
  })

  test('prints its version', async () => {
    const { stdout } = await run(process.execPath, [MAIN, '--version'])
    expect(stdout).toMatch(
      /^TensorFlow ModelServer: drover-model-server \d+\.\d+\.\d+, compatible with TensorFlow Serving \d+\.\d+\n$/,
    )
  })

  test('is found by its binary, behind a link and from any folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'drover-bin-'))
    await symlink(BINARY, join(folder, 'link'))

    const { stdout } = await run('./link', ['--version'], { cwd: folder })

    expect(stdout).toMatch(/^TensorFlow ModelServer: /)
    await rm(folder, { recursive: true })
  })

  test('ends as upstream, with the usage, at a value that it cannot read', async () => {
    await expect(run(process.execPath, [MAIN, '--port=x'])).rejects.toMatchObject({
      code: 255,
      stdout: expect.stringMatching(/^usage: drover-model-server\n/),
      stderr: "Couldn't interpret value x for flag port.\n",
    })
  })

  test('tells of the first unknown argument, goes on, and says why there is no server', async () => {
    await expect(run(process.execPath, [MAIN, '--foo=1', 'bar'])).rejects.toMatchObject({
      code: 255,
      stdout: expect.stringMatching(/^unknown argument: --foo=1\nusage: drover-model-server\n/),
      stderr:
        'Failed to start server. Error: INVALID_ARGUMENT: Both server_options.model_base_path ' +
        'and server_options.model_config_file are empty!\n',
    })
  })

  test('names the file that is missing', async () => {
    const flags = ['--port=0', '--rest_api_port=1', '--workers=1', '--model_config_file=/no/such']
    await expect(run(process.execPath, [MAIN, ...flags])).rejects.toMatchObject({
      code: 255,
      stdout: 'Failed to start server. Error: NOT_FOUND: /no/such; No such file or directory\n',
      stderr: 'Failed to start server. Error: NOT_FOUND: /no/such; No such file or directory\n',
    })
  })
})
