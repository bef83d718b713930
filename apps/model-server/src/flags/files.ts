import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { IrregularFileError, readRegularFile } from '@drover/inference'
import { ServingError, type StatusCode } from '@drover/serving-api'
import { BATCHING_DEFAULTS, type BatchingParameters, parseBatchingParameters } from './batching.ts'
import type { Flags } from './flags.ts'
import { TextMessage } from './text-message.ts'

/** Longest file that is read; a chain of certificates has some 10 KB. */
const FILE_BYTES_MAX = 1024 * 1024
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const METRICS_PATH = '/monitoring/prometheus/metrics'

/** What the files say that flags name. None is read again. */
export interface FlagFiles {
  /** Undefined without batching. For each model, its own file goes before it, see `Flags`. */
  readonly batching: BatchingParameters | undefined
  readonly monitoring: Monitoring
  /** Undefined for gRPC without TLS. */
  readonly ssl: SslConfig | undefined
}

/** Metrics for Prometheus on the REST port. */
export interface Monitoring {
  readonly enabled: boolean
  readonly path: string
}

/** TLS of gRPC: texts in PEM, not paths. */
export interface SslConfig {
  readonly serverKey: string
  readonly serverCert: string
  /** Who signs clients; undefined for whom the system trusts. */
  readonly customCa: string | undefined
  /** Whether a client has to bring a certificate. */
  readonly clientVerify: boolean
}

/**
 * Reads the files that flags name, and looks whether the config file is there. Throws
 * `ServingError`: NOT_FOUND or PERMISSION_DENIED for a file that cannot be read, INVALID_ARGUMENT
 * with line and column for one that says something else.
 */
export async function readFlagFiles({ models, files, isBatching }: Flags): Promise<FlagFiles> {
  if (models.configFile !== undefined) await requireReadable(models.configFile)
  for (const path of files.unused) await requireReadable(path)
  const batching =
    files.batching === undefined
      ? BATCHING_DEFAULTS
      : await readFlagFile(files.batching, parseBatchingParameters)
  return Object.freeze({
    batching: isBatching ? batching : undefined,
    monitoring: files.monitoring
      ? await readFlagFile(files.monitoring, parseMonitoring)
      : Object.freeze({ enabled: false, path: METRICS_PATH }),
    ssl: files.ssl === undefined ? undefined : await readFlagFile(files.ssl, parseSslConfig),
  })
}

/** Reads one file in text form; see `readFlagFiles` for what it throws. */
export async function readFlagFile<T>(path: string, parse: (text: string) => T): Promise<T> {
  const text = await readBounded(path)
  try {
    return parse(text)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it cannot be read'
    throw new ServingError('INVALID_ARGUMENT', `Invalid protobuf file: '${path}': ${why}`, {
      cause,
    })
  }
}

/** Reads a `MonitoringConfig`. Throws `ModelConfigError`. */
export function parseMonitoring(text: string): Monitoring {
  const config = TextMessage.parse(text, { prometheus_config: { enable: 'one', path: 'one' } })
  const prometheus = config.message('prometheus_config')
  const path = prometheus?.string('path') || METRICS_PATH
  if (!path.startsWith('/')) throw config.fault('prometheus_config', 'path has to begin with /')
  return Object.freeze({ enabled: prometheus?.bool('enable') ?? false, path })
}

/** Reads an `SSLConfig`. Throws `ModelConfigError`, or what OpenSSL says of a key or certificate. */
export function parseSslConfig(text: string): SslConfig {
  const config = TextMessage.parse(text, {
    server_key: 'one',
    server_cert: 'one',
    custom_ca: 'one',
    client_verify: 'one',
  })
  const ssl = {
    serverKey: config.string('server_key') ?? '',
    serverCert: config.string('server_cert') ?? '',
    customCa: config.string('custom_ca') || undefined,
    clientVerify: config.bool('client_verify') ?? false,
  }
  if (ssl.serverKey === '' || ssl.serverCert === '')
    throw config.fault('server_key', 'server_key and server_cert are both wanted')
  createSecureContext({ key: ssl.serverKey, cert: ssl.serverCert, ca: ssl.customCa })
  return Object.freeze(ssl)
}

async function requireReadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

async function readBounded(path: string): Promise<string> {
  try {
    return decoder.decode(await readRegularFile(path, FILE_BYTES_MAX))
  } catch (cause) {
    if (cause instanceof IrregularFileError && cause.code === 'EFBIG')
      throw new ServingError('INVALID_ARGUMENT', `${path} is longer than ${FILE_BYTES_MAX} bytes`)
    throw unreadable(path, cause)
  }
}

const CODES: Readonly<Record<string, [StatusCode, string]>> = {
  ENOENT: ['NOT_FOUND', 'No such file or directory'],
  ENOTDIR: ['NOT_FOUND', 'Not a directory'],
  EACCES: ['PERMISSION_DENIED', 'Permission denied'],
  EISDIR: ['FAILED_PRECONDITION', 'Is a directory'],
  EINVAL: ['FAILED_PRECONDITION', 'Is no regular file'],
}

/** As upstream words it: the path and what the system says. */
function unreadable(path: string, cause: unknown): ServingError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const [status, why] = CODES[code] ?? ['INTERNAL', code === '' ? 'it cannot be read' : code]
  return new ServingError(status, `${path}; ${why}`, { cause })
}
