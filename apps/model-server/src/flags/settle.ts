import { type ListenFds, parseListenFds, workersOf } from '../launch/listen-fds.ts'
import { LIMITS, type Limits } from '../limits.ts'
import { type CommandLine, FLAGS } from './command-line.ts'
import type { Flag } from './flag.ts'
import type {
  ChannelArguments,
  FileFlags,
  Flags,
  GrpcFlags,
  ProcessFlags,
  RestFlags,
} from './flags.ts'
import { refused } from './refused.ts'
import { settleEngines, settleLoading, settleModels } from './settle-models.ts'

const PORT_MAX = 65_535
const WORKERS_MAX = 256
const HOUR_MS = 3_600_000

/** What the words of a command line come to. Throws INVALID_ARGUMENT where upstream does not start. */
export function settle(line: CommandLine): Flags {
  const { valueOf } = line
  const inherited = given(valueOf(FLAGS.listen_fds), parseListenFds)
  const adminSocketPath = given(valueOf(FLAGS.admin_socket_path))
  const warnings: string[] = []
  const grpc = settleGrpc(line, inherited !== undefined)
  const rest = settleRest(line, inherited !== undefined, warnings)
  requireUse({ rest, grpc, process: { inherited, adminSocketPath } })
  const flags: Flags = {
    rest,
    grpc,
    models: settleModels(line, adminSocketPath !== undefined, warnings),
    loading: settleLoading(line),
    engines: settleEngines(line),
    process: settleProcess(line, inherited, adminSocketPath),
    files: settleFiles(line),
    limits: settleLimits(line),
    isBatching: valueOf(FLAGS.enable_batching),
    isBatchingPerModel:
      valueOf(FLAGS.enable_batching) && valueOf(FLAGS.enable_per_model_batching_parameters),
    isSinglePort: adminSocketPath === undefined,
    warnings: [...warnings, ...withoutEffect(line)],
  }
  for (const group of Object.values({ ...flags })) Object.freeze(group)
  return Object.freeze(flags)
}

/** Nothing at all to listen on is a mistake, as upstream says; REST alone is one only there. */
function requireUse({ rest, grpc, process }: Ports): void {
  const isAsked = rest.port !== undefined || grpc.port !== undefined || process.inherited
  if (!isAsked && grpc.socketPath === undefined && process.adminSocketPath === undefined)
    throw refused(
      'At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.',
    )
}

interface Ports {
  rest: RestFlags
  grpc: GrpcFlags
  process: Pick<ProcessFlags, 'inherited' | 'adminSocketPath'>
}

function settleProcess(
  line: CommandLine,
  inherited: ListenFds | undefined,
  adminSocketPath: string | undefined,
): ProcessFlags {
  const { valueOf, isGiven } = line
  const acceptLater = valueOf(FLAGS.accept_later)
  if (acceptLater && adminSocketPath === undefined)
    throw refused('--accept_later wants --admin_socket_path, on which to be told')
  const followsParent = isGiven(FLAGS.follow_parent)
    ? valueOf(FLAGS.follow_parent)
    : inherited !== undefined
  const workers = settleWorkers(line, inherited)
  return { workers, inherited, acceptLater, adminSocketPath, followsParent }
}

function settleGrpc({ valueOf }: CommandLine, isInherited: boolean): GrpcFlags {
  const sslConfigFile = valueOf(FLAGS.ssl_config_file)
  if (valueOf(FLAGS.use_alts_credentials))
    throw refused(
      sslConfigFile === ''
        ? 'ALTS credentials are not supported, and without them gRPC would not be protected.'
        : 'Either use_alts_credentials must be false or ssl_config_file must be empty.',
    )
  const port = portOf('port', valueOf(FLAGS.port))
  const socketName = given(valueOf(FLAGS.grpc_socket_path))
  return {
    port: isInherited ? undefined : port,
    host: given(valueOf(FLAGS.grpc_host)),
    socketPath: isInherited ? undefined : socketName,
    socketName,
    channelArguments: parseChannelArguments(valueOf(FLAGS.grpc_channel_arguments)),
    hasHealth: valueOf(FLAGS.enable_grpc_healthcheck_service),
    writesTensorContent: valueOf(FLAGS.enable_serialization_as_tensor_content),
  }
}

function settleRest({ valueOf }: CommandLine, isInherited: boolean, warnings: string[]): RestFlags {
  const timeoutMs = valueOf(FLAGS.rest_api_timeout_in_ms)
  const port = portOf('rest_api_port', valueOf(FLAGS.rest_api_port))
  const isTaken = port !== undefined && port === valueOf(FLAGS.port)
  if (isTaken)
    warnings.push(
      'server_options.http_port cannot be same as grpc_port. Please use a different port for ' +
        'HTTP/REST API. Skipped exporting HTTP/REST API.',
    )
  return {
    port: isTaken || isInherited ? undefined : port,
    host: given(valueOf(FLAGS.rest_api_host)),
    // Upstream waits for ever without a timeout; nothing does here.
    timeoutMs: timeoutMs > 0 ? Math.min(timeoutMs, HOUR_MS) : HOUR_MS,
    hasCors: valueOf(FLAGS.rest_api_enable_cors_support),
  }
}

/** `name=value,name=value`; a value that is an int32 is a number, as upstream takes it. */
function parseChannelArguments(text: string): ChannelArguments {
  const pairs = text.split(',').filter((pair) => pair !== '')
  return Object.freeze(
    Object.fromEntries(
      pairs.map((pair) => {
        const [name = '', value] = pair.split('=')
        if (name === '' || value === undefined)
          throw refused(`--grpc_channel_arguments: ${JSON.stringify(pair)} is not name=value`)
        const number = /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : Number.NaN
        return [name, (number | 0) === number ? number : value]
      }),
    ),
  )
}

function settleWorkers({ valueOf, isGiven }: CommandLine, inherited: ListenFds | undefined) {
  const workers = atLeast(1, 'workers', valueOf(FLAGS.workers))
  if (workers > WORKERS_MAX) throw refused(`--workers=${workers}: at most ${WORKERS_MAX}`)
  if (inherited === undefined) return workers
  const descriptors = workersOf(inherited)
  if (isGiven(FLAGS.workers) && workers !== descriptors)
    throw refused(`--workers=${workers}, but --listen_fds has ${descriptors} descriptors of a kind`)
  return descriptors
}

function settleFiles({ valueOf }: CommandLine): FileFlags {
  const batching = given(valueOf(FLAGS.batching_parameters_file))
  if (batching !== undefined && !valueOf(FLAGS.enable_batching))
    throw refused(
      'server_options.batching_parameters_file is set without setting ' +
        'server_options.enable_batching to true.',
    )
  return {
    batching,
    monitoring: given(valueOf(FLAGS.monitoring_config_file)),
    ssl: given(valueOf(FLAGS.ssl_config_file)),
    unused: [
      valueOf(FLAGS.tensorflow_session_config_file),
      valueOf(FLAGS.platform_config_file),
      valueOf(FLAGS.thread_pool_factory_config_file),
    ].filter((path) => path !== ''),
  }
}

const settleLimits = ({ valueOf }: CommandLine): Limits => ({
  ...LIMITS,
  loadMsMax: atLeast(1, 'load_timeout_in_ms', valueOf(FLAGS.load_timeout_in_ms)),
  drainMsMax: atLeast(0, 'drain_timeout_in_ms', valueOf(FLAGS.drain_timeout_in_ms)),
  bodyBytesMax: atLeast(1, 'rest_api_max_body_bytes', valueOf(FLAGS.rest_api_max_body_bytes)),
  waitingMax: atLeast(1, 'max_waiting_requests', valueOf(FLAGS.max_waiting_requests)),
})

/** One sentence for each flag that was given another value than its default and does nothing. */
const withoutEffect = ({ valueOf }: CommandLine): string[] =>
  Object.entries<Flag>(FLAGS)
    .filter(([, flag]) => flag.effect !== 'used' && valueOf(flag) !== flag.default)
    .map(([name, { effect }]) => `--${name} has ${effect}`)

function portOf(name: string, port: number): number | undefined {
  if (port < 0 || port > PORT_MAX) throw refused(`--${name}=${port} is no TCP port`)
  return port === 0 ? undefined : port
}

function atLeast(min: number, name: string, value: number): number {
  if (value < min) throw refused(`--${name}=${value}: at least ${min}`)
  return value
}

/** The empty text means that a flag was not given. */
function given(text: string): string | undefined
function given<T>(text: string, read: (text: string) => T): T | undefined
function given<T>(text: string, read?: (text: string) => T): T | string | undefined {
  if (text === '') return undefined
  return read === undefined ? text : read(text)
}
