import { type Access, byKubeconfig, inCluster } from '@drover/kube'
import { Name } from '@drover/model-config'
import { StoreLocation } from '@drover/model-store'
import { Port, readSettings } from '@drover/service'
import { z } from 'zod'
import { parseWindows, type Window, WindowError } from './windows.ts'

const HOUR_MS = 3_600_000

const milliseconds = (min: number) => z.coerce.number().int().min(min)

const Windows = z.string().transform((list, context): Window[] => {
  try {
    return parseWindows(list)
  } catch (error) {
    if (!(error instanceof WindowError)) throw error
    context.addIssue({ code: 'custom', message: error.message })
    return z.NEVER
  }
})

const HttpUrl = z.url({ protocol: /^https?$/ })
const DNS_NAME = /^dns\+http:\/\/[-.\w]+:\d{1,5}$/

const ServerEntry = z
  .string()
  .refine(
    (entry) => DNS_NAME.test(entry) || HttpUrl.safeParse(entry).success,
    'neither an http(s) URL nor dns+http://name:port',
  )

const Settings = z.object({
  /**
   * The model store: a directory, or `s3://bucket/prefix?endpoint=...`; `.drover/store` unless told.
   * Read at start.
   */
  DROVER_STORE: StoreLocation.default('.drover/store'),
  /** Where nudges come from and go to. Without it only the timer wakes the loop. Read at start. */
  DROVER_REDIS_URL: z.string().optional(),
  /** BullMQ's prefix; {drover} unless told. Read at start. */
  DROVER_PREFIX: z.string().default('{drover}'),
  /** The fleet whose channel is followed; main unless told. Read at start. */
  DROVER_FLEET: Name.default('main'),
  /**
   * Base URLs of the agents, parted by commas; none unless told. `dns+http://name:port` stands for
   * all addresses of the name, looked up again every 5 seconds. Read at start.
   */
  DROVER_SERVERS: z
    .string()
    .default('')
    .transform((list) => list.split(',').flatMap((url) => url.trim().replace(/\/+$/, '') || []))
    .pipe(z.array(ServerEntry)),
  /**
   * The Kubernetes Deployment whose pods the servers are; none unless told. With one its state is
   * watched and shown, Events are written to it, and it can be rolled. Read at start.
   */
  DROVER_DEPLOYMENT: z.string().optional(),
  /** The namespace of the Deployment; that of this pod, or of the kubeconfig, unless told. */
  DROVER_NAMESPACE: z.string().optional(),
  /** A kubeconfig, for a restarter outside of the cluster; a pod's own rights unless told. */
  DROVER_KUBECONFIG: z.string().optional(),
  /**
   * How a config comes to the servers: `reload`, or `restart`, by a roll of the Deployment for every
   * one of them. `reload` unless told. Read at start.
   */
  DROVER_DELIVERY: z.enum(['reload', 'restart']).default('reload'),
  /** How long a roll may come no further; 3,600,000 ms unless told. Read at start. */
  DROVER_ROLL_MS: milliseconds(1_000).default(3_600_000),
  /** File with the bearer token of the agents; none unless told. Read at start. */
  DROVER_SERVERS_TOKEN_FILE: z.string().optional(),
  /** Where the HTTP API listens; 127.0.0.1 and a free port unless told. Read at start. */
  DROVER_HOST: z.string().default('127.0.0.1'),
  DROVER_PORT: Port.default(0),
  /** File with the bearer token of the API; optional on loopback only. Read at start. */
  DROVER_TOKEN_FILE: z.string().optional(),
  /** Stop when standard input closes: a child of `drover up`. False unless told. Read at start. */
  DROVER_FOLLOW_PARENT: z.stringbool().default(false),
  /**
   * A name that this process keeps over its lives. To be set only where a supervisor makes sure
   * that one process has it at a time: its rollout is then gone on with at once. Read at start.
   */
  DROVER_INSTANCE: Name.optional(),
  /**
   * Only observe and decide: what would be done is in the log and in `GET /v1/status`, and nothing
   * is written or sent; wishes are refused. False unless told. Read at start.
   */
  DROVER_DRY_RUN: z.stringbool().default(false),
  /** Longest time between two looks; 1,000 ms unless told. Read at start. */
  DROVER_SCAN_MS: milliseconds(10).default(1_000),
  /** Longest wait for a server's state; 2,000 ms unless told. Read at start. */
  DROVER_STATE_MS: milliseconds(10).default(2_000),
  /** How many servers apply at once after the canary; 2 unless told. Read at start. */
  DROVER_PARALLEL: z.coerce.number().int().min(1).max(1_000).default(2),
  /** How long a server may take to apply a config; 60,000 ms unless told. Read at start. */
  DROVER_APPLY_MS: milliseconds(1).default(60_000),
  /** How long a server may be silent before it counts as gone; 3,000 ms unless told. Read at start. */
  DROVER_SILENT_MS: milliseconds(1).default(3_000),
  /** How often a rollout's holder shows that it lives; 5,000 ms unless told. Read at start. */
  DROVER_BEAT_MS: milliseconds(1).default(5_000),
  /** How long another's beat may stand still; 20,000 ms unless told. Read at start. */
  DROVER_TAKEOVER_MS: milliseconds(1).default(20_000),
  /** The age in hours at which a model server is recycled; 24 unless told. Read at start. */
  DROVER_RECYCLE_HOURS: z.coerce.number().positive().default(24),
  /** How long a recycling may take; 120,000 ms unless told. Read at start. */
  DROVER_RECYCLE_MS: milliseconds(1).default(120_000),
  /**
   * When model servers may be recycled, for whatever reason; at all times unless told. A list of
   * `<cron> <time zone> <length>` parted by `;`, as `0 2 * * 1-5 Europe/Berlin 4h`. A new config,
   * going back from one and catching up never wait for a window. Read at start.
   */
  DROVER_WINDOWS: Windows.prefault(''),
  /** Shortest time between two recycles in the fleet; 0 ms unless told. Read at start. */
  DROVER_RECYCLE_INTERVAL_MS: milliseconds(0).default(0),
  /** Resident bytes above which a model server is recycled; never unless told. Read at start. */
  DROVER_RECYCLE_BYTES_MAX: z.coerce.number().int().positive().optional(),
})
const Checked = Settings.refine(
  ({ DROVER_DELIVERY, DROVER_DEPLOYMENT }) =>
    DROVER_DELIVERY === 'reload' || DROVER_DEPLOYMENT !== undefined,
  { path: ['DROVER_DELIVERY'], error: 'restart needs DROVER_DEPLOYMENT' },
)

/** The settings of a restarter. */
export type Config = z.output<typeof Checked>

/** Reads all settings at once; throws one error that lists everything wrong with them. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Readonly<Config> {
  return readSettings(Checked, env)
}

/** The limits of the plan, as set. */
export function limitsOf(config: Config) {
  return {
    beatMs: config.DROVER_BEAT_MS,
    takeoverMs: config.DROVER_TAKEOVER_MS,
    silentMs: config.DROVER_SILENT_MS,
    applyMs: config.DROVER_APPLY_MS,
    parallel: config.DROVER_PARALLEL,
    recycleMs: config.DROVER_RECYCLE_MS,
    rollMs: config.DROVER_ROLL_MS,
    recycleAgeMs: config.DROVER_RECYCLE_HOURS * HOUR_MS,
    recycleIntervalMs: config.DROVER_RECYCLE_INTERVAL_MS,
    residentBytesMax: config.DROVER_RECYCLE_BYTES_MAX,
  }
}

/** The cluster's API as a pod reaches it, or by a kubeconfig from outside. */
export function accessOf(
  { DROVER_KUBECONFIG: path, DROVER_NAMESPACE: namespace }: Config,
  { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env,
): { access: Access; namespace?: string } {
  const place = namespace === undefined ? {} : { namespace }
  if (path !== undefined) return { access: byKubeconfig(path), ...place }
  if (host !== undefined) return { access: inCluster({ host, port }), ...place }
  throw new Error('DROVER_DEPLOYMENT: this is no pod of a cluster, so set DROVER_KUBECONFIG')
}
