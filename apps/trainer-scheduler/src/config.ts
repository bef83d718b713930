import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Name } from '@drover/model-config'
import { StoreLocation } from '@drover/model-store'
import { Port, readSettings } from '@drover/service'
import { z } from 'zod'

const GIBIBYTE = 1024 ** 3
const SLOTS_MAX = 64
const ARGUMENTS_MAX = 100
const DAY_MS = 86_400_000

const Bytes = z.coerce.number().int().positive()
const Ms = z.coerce.number().int().min(10)

/** The operator's list of programs that a spec may name: `{"<name>": {"argv": [...], "timeoutMs"?}}`. */
const Commands = z.record(
  Name,
  z.strictObject({
    argv: z.array(z.string()).min(1).max(ARGUMENTS_MAX),
    /** How long it may run; DROVER_TRAIN_MS_MAX unless told. */
    timeoutMs: z.int().positive().max(DAY_MS).optional(),
  }),
)
export type Commands = z.output<typeof Commands>

// Every setting is read at start, and none changes while running.
const Settings = z.object({
  /** The model store: a directory, or `s3://bucket/prefix?endpoint=...`; `.drover/store` unless told. */
  DROVER_STORE: StoreLocation.default('.drover/store'),
  /** Where the queues are. */
  DROVER_REDIS_URL: z.string(),
  /** What the names of all queues begin with. */
  DROVER_PREFIX: z.string().optional(),
  /** Where the API listens; 0, the default, takes a free port. */
  DROVER_HOST: z.string().default('127.0.0.1'),
  DROVER_PORT: Port.default(0),
  /** A file with the bearer token of the API. May be left out on loopback only. */
  DROVER_TOKEN_FILE: z.string().optional(),
  /** Stop when standard input, a pipe from the parent, closes. */
  DROVER_FOLLOW_PARENT: z.stringbool().default(false),
  /** Longest time between two looks at what changed, in milliseconds. A minute unless told. */
  DROVER_SCAN_MS: Ms.default(60_000),
  /** Longest time between two looks at everything. A day unless told. */
  DROVER_FULL_SCAN_MS: Ms.default(DAY_MS),
  /**
   * How many trainings run at once, each with a warm process of its own; 2 unless told. From two on,
   * commands never take all of them.
   */
  DROVER_SLOTS: z.coerce.number().int().min(1).max(SLOTS_MAX).default(2),
  /** The folder for uploads and runs under way. What is in it is deleted at start. */
  DROVER_WORK: z.string().default(join(tmpdir(), `drover-trainer-scheduler-${process.pid}`)),
  /** The folder whose sub-folders, one for each tenant, hold `file` data; without it there is none. */
  DROVER_DATA_ROOT: z.string().optional(),
  /** The JSON file of commands that specs may name; none unless told. */
  DROVER_COMMANDS_FILE: z.string().optional(),
  /** Longest training in milliseconds. Ten minutes unless told. */
  DROVER_TRAIN_MS_MAX: Ms.default(600_000),
  /** Largest upload, and largest data file, in bytes. 1 GiB unless told. */
  DROVER_UPLOAD_BYTES_MAX: Bytes.default(GIBIBYTE),
  /** Largest sum of the files of a version in bytes. 4 GiB unless told. */
  DROVER_VERSION_BYTES_MAX: Bytes.default(4 * GIBIBYTE),
})

/** The settings of a trainer-scheduler. */
export type Config = z.output<typeof Settings>

/** Reads all settings at once; throws one error that lists everything wrong with them. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Readonly<Config> {
  return readSettings(Settings, env)
}

/** The commands of the operator's list; none without a file. Throws when the file is wrong. */
export function readCommands(path: string | undefined): Commands {
  if (path === undefined) return {}
  try {
    return Commands.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    throw new Error(`the list of commands ${path} cannot be understood`, { cause })
  }
}

/** The bearer token in a file; undefined without one. */
export function readToken(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim()
}
