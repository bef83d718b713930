import { isIP } from 'node:net'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AllowedOperations } from '@drover/inference'
import { durationMs, Name, parseAnnotation } from '@drover/model-config'
import { StoreLocation } from '@drover/model-store'
import { Port, readSettings } from '@drover/service'
import { z } from 'zod'

const CACHE_BYTES_MAX = 20 * 1024 ** 3
const POLL_MS_MAX = 3_600_000
const WORKERS_MAX = 256
const STOP_MS_MAX = 600_000
const MODEL_SERVER = fileURLToPath(
  new URL('../../model-server/bin/drover-model-server', import.meta.url),
)

/** The settings of one serving agent. None changes while it runs. */
const Settings = z.object({
  /** This server's own name, stable over its restarts. `tf-server` unless told. */
  DROVER_SERVER: Name.default('tf-server'),
  /** The fleet whose channel it follows. */
  DROVER_FLEET: Name.default('main'),
  /**
   * The config that this server is rolled out for, `<seq>-<sha>`: what the annotation
   * `drover.dev/config` of its pod says. Empty: none. None unless told.
   */
  DROVER_CONFIG: z
    .string()
    .optional()
    .transform((text = '', context) => {
      const named = parseAnnotation(text)
      if (named === undefined && text !== '')
        context.addIssue({ code: 'custom', message: 'not <seq>-<sha256> of a config' })
      return named
    }),
  /** The model store: a directory, or `s3://bucket/prefix?endpoint=...`. */
  DROVER_STORE: StoreLocation,
  /** Where the agent's own API listens. Port 0 takes a free one. */
  DROVER_HOST: z.string().default('127.0.0.1'),
  DROVER_PORT: Port.default(0),
  /** A file with the bearer token that callers of the agent must bring; none on loopback unless told. */
  DROVER_TOKEN_FILE: z.string().optional(),
  /**
   * A file with a bearer token that opens `GET /metrics` of the agent and nothing else, for whoever
   * scrapes; only the other token does unless told.
   */
  DROVER_METRICS_TOKEN_FILE: z.string().optional(),
  /** Where predictions are answered: an address of this machine, and a port (0 takes a free one). */
  DROVER_REST_HOST: z
    .string()
    .refine((host) => isIP(host) !== 0, 'an IP address of this machine')
    .default('127.0.0.1'),
  DROVER_REST_PORT: Port.default(0),
  /** The port for gRPC at the same address; none unless told, 0 takes a free one. */
  DROVER_GRPC_PORT: Port.optional(),
  /** Threads of the model server that answer requests. 1 unless told. */
  DROVER_WORKERS: z.coerce.number().int().min(1).max(WORKERS_MAX).default(1),
  /** The agent's folder on disk: what was fetched, what is served, what was promised. */
  DROVER_CACHE: z.string().min(1),
  /** How much the fetched objects may take before the least recently used go. 20 GiB unless told. */
  DROVER_CACHE_BYTES_MAX: z.coerce.number().int().positive().default(CACHE_BYTES_MAX),
  /** With the store away, how old the last sight of a live config may be. `6h` unless told. */
  DROVER_CACHE_AGE_MAX: z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/, 'a duration such as 30s, 15m, 6h or 7d')
    .default('6h')
    .transform(durationMs),
  /**
   * Unsafe operations that models may have, such as `ReadFile,WriteFile`; the gate wants the same. None
   * unless told.
   */
  DROVER_ALLOWED_OPERATIONS: AllowedOperations.default([]),
  /** How often the channel is read. 5 s unless told. */
  DROVER_POLL_MS: z.coerce.number().int().min(10).max(POLL_MS_MAX).default(5_000),
  /**
   * What answers predictions. `drover`: our model server, a child of the agent. `stock`: a child that
   * is started with nothing but TF Serving's own flags, such as `tensorflow_model_server`. `sidecar`:
   * such a one that somebody else starts, on the ports below, and that sees DROVER_CACHE under the
   * same path. Both need DROVER_REST_PORT and DROVER_GRPC_PORT. `drover` unless told.
   */
  DROVER_SERVER_KIND: z.enum(['drover', 'stock', 'sidecar']).default('drover'),
  /** The model server's program; ours, beside this package, unless told. */
  DROVER_MODEL_SERVER: z.string().default(MODEL_SERVER),
  /** Further flags of a model server that this starts, parted by spaces; none unless told. */
  DROVER_MODEL_SERVER_FLAGS: z
    .string()
    .default('')
    .transform((flags) => flags.split(' ').filter((flag) => flag !== '')),
  /**
   * How long this server goes on as before when it stops, but for reporting unready: as long as
   * balancers need to see it. Then clients are told to go elsewhere. 0 unless told: nobody is
   * waited for, and no connection is taken once it stops.
   */
  DROVER_STOP_WAIT_MS: z.coerce.number().int().min(0).max(STOP_MS_MAX).default(0),
  /**
   * How long clients have after that to finish and to go; 2,500 ms unless told. Every answer ends its
   * connection then, and gRPC is told to connect anew.
   */
  DROVER_STOP_DRAIN_MS: z.coerce.number().int().min(0).max(STOP_MS_MAX).default(2_500),
  /** Stop when standard input closes, so that no agent outlives the parent that holds its pipe. */
  DROVER_FOLLOW_PARENT: z.stringbool().default(false),
})
const Checked = Settings.refine(
  ({ DROVER_SERVER_KIND: kind, DROVER_REST_PORT: rest, DROVER_GRPC_PORT: grpc = 0 }) =>
    kind === 'drover' || (rest > 0 && grpc > 0),
  {
    path: ['DROVER_SERVER_KIND'],
    error: 'needs DROVER_REST_PORT and DROVER_GRPC_PORT where the server is not ours',
  },
)
export type Settings = Readonly<z.output<typeof Settings>>

/**
 * Reads the settings, some of which the command line may have given; throws one error that lists
 * everything wrong with them.
 */
export const readConfig = (
  env: NodeJS.ProcessEnv = process.env,
  given: NodeJS.ProcessEnv = {},
): Settings => readSettings(Checked, { ...env, ...given })

/**
 * The environment of the model server: this process's own without its settings and credentials. It
 * runs on the same Node, whatever else is on the path.
 */
export function modelServerEnv(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(DROVER_(?!LOG_LEVEL$)|AWS_)/.test(name))
  const path = [dirname(process.execPath), env['PATH']].filter((part) => part !== undefined)
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) }
}
