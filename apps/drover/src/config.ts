import { StoreLocation } from '@drover/model-store'
import { readSettings } from '@drover/service'
import { z } from 'zod'

const Settings = z.object({
  /** The folder of a local Drover: store, Redis, logs, `up.json`. Read at start. */
  DROVER_HOME: z.string().min(1).default('.drover'),
  /**
   * A JSON file that says where a Drover is that something else runs, such as Docker Compose; every
   * command but `up` and `logs` then talks to that one. None unless told. Read at start.
   */
  DROVER_REMOTE: z.string().min(1).optional(),
  /** Set to anything, the terminal gets no colours. Read at start. */
  NO_COLOR: z.string().optional(),
  /** A Redis to use instead of a private one. Read at start. */
  DROVER_REDIS_URL: z.string().min(1).optional(),
  /**
   * The model store: a directory, or `s3://bucket/prefix?endpoint=...` with the credentials of the
   * AWS SDK's default chain; `store` in the home unless told. Read at start.
   */
  DROVER_STORE: StoreLocation.optional(),
  /** Unsafe operations that models may have, for the gate and the servers, which check it. None unless told. Read at start. */
  DROVER_ALLOWED_OPERATIONS: z.string().optional(),
  PATH: z.string().default(''),
  HOME: z.string().optional(),
})

export type Config = z.output<typeof Settings>

export const readConfig = (env: NodeJS.ProcessEnv = process.env): Readonly<Config> =>
  readSettings(Settings, env)

/** What the AWS SDK's default chain reads: for those children that open a store on S3. */
export function readAws(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const named = Object.entries(env).filter(([name]) => name.startsWith('AWS_'))
  return Object.fromEntries(named.flatMap(([name, value]) => (value ? [[name, value]] : [])))
}
