import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AllowedOperations } from '@drover/inference'
import { Name } from '@drover/model-config'
import { StoreLocation } from '@drover/model-store'
import { Port, readSettings } from '@drover/service'
import { z } from 'zod'

const DAY_MS = 86_400_000
const Ms = z.coerce.number().int().min(10).max(DAY_MS)

// Every setting is read at start, and none changes while running.
const Settings = z.object({
  /** The model store: a directory, or `s3://bucket/prefix?endpoint=...`; `.drover/store` unless told. */
  DROVER_STORE: StoreLocation.default('.drover/store'),
  /** Where the queues are. */
  DROVER_REDIS_URL: z.string(),
  /** What the names of all queues begin with. */
  DROVER_PREFIX: z.string().default('{drover}'),
  /** Where the API listens; port 0, the default, takes a free one. */
  DROVER_HOST: z.string().default('127.0.0.1'),
  DROVER_PORT: Port.default(0),
  /** A file with the bearer token of the API. May be left out on loopback only. */
  DROVER_TOKEN_FILE: z.string().optional(),
  /** Stop when standard input, a pipe from the parent, closes. */
  DROVER_FOLLOW_PARENT: z.stringbool().default(false),
  /** The fleet whose channel is made at the first start. */
  DROVER_FLEET: Name.default('main'),
  /** Longest time between two looks at what changed, in milliseconds. A minute unless told. */
  DROVER_SCAN_MS: Ms.default(60_000),
  /** Longest time between two looks at everything. A day unless told. */
  DROVER_FULL_SCAN_MS: Ms.default(DAY_MS),
  /** The folder for versions that are being judged. What is in it is deleted at start. */
  DROVER_WORK: z.string().default(join(tmpdir(), `drover-config-publisher-${process.pid}`)),
  /** Longest time that loading a version and asking it may take, for each engine. A minute unless told. */
  DROVER_PROBE_MS: Ms.default(60_000),
  /**
   * Unsafe operations that models may have, such as `ReadFile,WriteFile`; servers want the same. None
   * unless told.
   */
  DROVER_ALLOWED_OPERATIONS: AllowedOperations.default([]),
})

/** The settings of a config-publisher. */
export type Config = z.output<typeof Settings>

/** Reads all settings at once; throws one error that lists everything wrong with them. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Readonly<Config> {
  return readSettings(Settings, env)
}

/** The bearer token in a file; undefined without one. */
export function readToken(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, 'utf8').trim()
}
