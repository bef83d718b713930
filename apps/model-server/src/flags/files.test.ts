import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFlags } from '../config.ts'
import { BATCHING_DEFAULTS } from './batching.ts'
import { type FlagFiles, parseMonitoring, parseSslConfig, readFlagFiles } from './files.ts'

let folder: string
let key: string
let cert: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-flags-'))
  const [keyPath, certPath] = [join(folder, 'key'), join(folder, 'cert')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync(
    'openssl',
    [...request, '-subj', '/CN=localhost', '-keyout', keyPath, '-out', certPath],
    { stdio: 'ignore' },
  )
  key = await readFile(keyPath, 'utf8')
  cert = await readFile(certPath, 'utf8')
})

afterAll(async () => await rm(folder, { recursive: true }))

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

async function read(...words: string[]): Promise<FlagFiles> {
  const asked = readFlags(['--model_base_path=/m', ...words])
  if (asked.kind !== 'serve') throw new Error(asked.kind)
  return await readFlagFiles(asked.settle())
}

test('without files there is no batching, no metrics and no TLS', async () => {
  expect(await read()).toEqual({
    batching: undefined,
    monitoring: { enabled: false, path: '/monitoring/prometheus/metrics' },
    ssl: undefined,
  })
})

test('batching without a file is that of the defaults', async () => {
  expect(await read('--enable_batching')).toMatchObject({ batching: BATCHING_DEFAULTS })
})

test('every file is read', async () => {
  const batching = await write('batching', 'max_batch_size { value: 4 }')
  const monitoring = await write('monitoring', "prometheus_config { enable: true path: '/m' }")
  const text = JSON.stringify(key)
  const ssl = await write('ssl', `server_key: ${text} server_cert: ${JSON.stringify(cert)}`)

  expect(
    await read(
      '--enable_batching',
      `--batching_parameters_file=${batching}`,
      `--monitoring_config_file=${monitoring}`,
      `--ssl_config_file=${ssl}`,
    ),
  ).toMatchObject({
    batching: { maxBatchSize: 4 },
    monitoring: { enabled: true, path: '/m' },
    ssl: { serverKey: key, serverCert: cert, customCa: undefined, clientVerify: false },
  })
})

test('the path of metrics is the default unless told', () => {
  const path = '/monitoring/prometheus/metrics'

  expect(parseMonitoring('prometheus_config { enable: true }')).toEqual({ enabled: true, path })
  expect(parseMonitoring('')).toEqual({ enabled: false, path })
})

test('a path of metrics that no request can have is refused', () => {
  expect(() => parseMonitoring("prometheus_config { path: 'metrics' }")).toThrow('begin with /')
})

/** A text as the strings of its lines, which join. */
const lines = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => `'${line}\\n'`)
    .join('\n')

test('clients are asked for a certificate of the custom authority', () => {
  const text = `server_key: ${lines(key)}
    server_cert: ${lines(cert)}
    custom_ca: ${lines(cert)}
    client_verify: true`

  expect(parseSslConfig(text)).toEqual({
    serverKey: key,
    serverCert: cert,
    customCa: cert,
    clientVerify: true,
  })
})

test('a key without its certificate, or one that is none, is refused', () => {
  const text = JSON.stringify(key)

  expect(() => parseSslConfig(`server_key: ${text}`)).toThrow('are both wanted')
  expect(() => parseSslConfig(`server_key: 'a' server_cert: ${JSON.stringify(cert)}`)).toThrow()
})

test('a file that is not there is NOT_FOUND, whichever flag names it', async () => {
  const path = join(folder, 'none')
  const expected = { code: 'NOT_FOUND', message: `${path}; No such file or directory` }

  await expect(read(`--model_config_file=${path}`)).rejects.toMatchObject(expected)
  await expect(read(`--monitoring_config_file=${path}`)).rejects.toMatchObject(expected)
  await expect(read(`--platform_config_file=${path}`)).rejects.toMatchObject(expected)
})

test('a folder in place of a file is told of as such', async () => {
  await expect(read(`--monitoring_config_file=${folder}`)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: `${folder}; Is a directory`,
  })
})

test('a file that says something else is told of with line and column', async () => {
  const path = await write('broken', 'prometheus_config {\n  enabled: true\n}')

  await expect(read(`--monitoring_config_file=${path}`)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `Invalid protobuf file: '${path}': 2:10: there is no field named "enabled" here`,
  })
})

test('a file that is far too long is not read', async () => {
  const path = await write('long', ' '.repeat(1024 * 1024 + 1))

  await expect(read(`--monitoring_config_file=${path}`)).rejects.toThrow(
    'is longer than 1048576 bytes',
  )
})

test('a pipe in place of a file is refused, and waited for by nobody', async () => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])

  await expect(read('--enable_batching', `--batching_parameters_file=${path}`)).rejects.toThrow(
    `${path}; Is no regular file`,
  )
})
