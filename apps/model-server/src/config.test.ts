import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readFlags } from './config.ts'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const run = promisify(execFile)
test('flags have their defaults', () => {
  expect(readFlags(['--admin_socket_path=a'])).toEqual({
    admin_socket_path: 'a',
    rest_api_port: 0,
    rest_api_timeout_in_ms: 30_000,
    accept_later: false,
    help: false,
    version: false,
  })
})

test('flags are read in both of their forms', () => {
  const flags = readFlags([
    '--rest_api_port',
    '8501',
    '--listen_fds=rest:4',
    '--follow_parent',
    '--accept_later=false',
  ])

  expect(flags).toMatchObject({
    rest_api_port: 8501,
    listen_fds: 4,
    follow_parent: true,
    accept_later: false,
  })
})

const faults: [string, string][] = [
  ['--rest_api_port=70000', 'rest_api_port'],
  ['--listen_fds=grpc:5', 'use rest:<number of the descriptor>'],
  ['--rest_api_timeout_in_ms=0', 'rest_api_timeout_in_ms'],
  ['--no_such_flag=1', "Unknown option '--no_such_flag'"],
  ['--rest_api_port=0', 'give --rest_api_port, --listen_fds or --admin_socket_path'],
  ['stray', "Unexpected argument 'stray'"],
]
test.each(faults)('%s is refused', (word, what) => {
  expect(() => readFlags([word])).toThrow(what)
})

describe('the program', () => {
  test('prints its flags', async () => {
    const { stdout } = await run(process.execPath, [MAIN, '--help'])
    expect(stdout).toMatch(/^usage: drover-model-server \[flags\]\n {2}--rest_api_port\n/)
  })

  test('prints its version', async () => {
    const { stdout } = await run(process.execPath, [MAIN, '--version'])
    expect(stdout).toMatch(/^drover-model-server \d+\.\d+\.\d+\n$/)
  })

  test('ends with 1 and the usage at a flag that it does not know', async () => {
    await expect(run(process.execPath, [MAIN, '--no_such_flag=1'])).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/Unknown option '--no_such_flag'.*\nusage: /s),
    })
  })
})
