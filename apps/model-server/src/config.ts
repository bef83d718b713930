import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Port, readSettings } from '@drover/service'
import { z } from 'zod'

const TIMEOUT_MS_MAX = 3_600_000

/** What each flag is for, as the usage shows it. None of them may change while the server runs. */
const FLAGS = {
  rest_api_port: 'Port of the REST API. Default: 0, which is no REST API.',
  rest_api_host: 'Address that the REST API binds to. Default: all.',
  rest_api_timeout_in_ms: 'How long a request may take. Default: 30000.',
  listen_fds: 'Sockets to inherit and listen on, as rest:4. Takes the place of the port.',
  accept_later:
    'Listen for requests only after POST /v1/accept on the admin socket: a successor on an ' +
    'inherited socket must not answer before it serves what its predecessor serves. Default: false.',
  admin_socket_path: 'Unix socket for changes to what is served. Default: none.',
  model_config_file: 'A ModelServerConfig in text form, read once at the start. Default: none.',
  follow_parent:
    'End when the parent does: when the IPC channel or the pipe at standard input closes. ' +
    'Default: true with --listen_fds, else false.',
  help: 'Print this and exit.',
  version: 'Print the version and exit.',
} as const
const SWITCHES = new Set<string>(['accept_later', 'follow_parent', 'help', 'version'])

const Flags = z.strictObject({
  rest_api_port: Port.default(0),
  rest_api_host: z.string().min(1).optional(),
  rest_api_timeout_in_ms: z.coerce.number().int().min(1).max(TIMEOUT_MS_MAX).default(30_000),
  listen_fds: z
    .string()
    .regex(/^rest:\d{1,4}$/, 'use rest:<number of the descriptor>')
    .transform((text) => Number(text.slice('rest:'.length)))
    .optional(),
  accept_later: z.stringbool().default(false),
  admin_socket_path: z.string().min(1).optional(),
  model_config_file: z.string().min(1).optional(),
  follow_parent: z.stringbool().optional(),
  help: z.stringbool().default(false),
  version: z.stringbool().default(false),
})

/** What the command line says. */
export type Flags = z.output<typeof Flags>

/** Reads the command line, `--flag=value` or `--flag value`. Throws with all that is wrong with it. */
export function readFlags(words: readonly string[]): Flags {
  const options = Object.fromEntries(
    Object.keys(FLAGS).map((name) => [name, { type: 'string' } as const]),
  )
  const args = words.map((word) => (SWITCHES.has(word.replace(/^--/, '')) ? `${word}=true` : word))
  const { values } = parseArgs({ args, options, strict: true })
  const flags = Flags.safeParse(values)
  if (!flags.success) throw new Error(z.prettifyError(flags.error))
  if (!isOfUse(flags.data))
    throw new Error('give --rest_api_port, --listen_fds or --admin_socket_path to listen on')
  return flags.data
}

const isOfUse = (flags: Flags): boolean =>
  flags.help ||
  flags.version ||
  flags.rest_api_port > 0 ||
  flags.listen_fds !== undefined ||
  flags.admin_socket_path !== undefined

/** What `--help` prints. */
export function usage(): string {
  const lines = Object.entries(FLAGS).map(([name, text]) => `  --${name}\n      ${text}`)
  return `usage: drover-model-server [flags]\n${lines.join('\n')}\n`
}

/** What `--version` prints. */
export function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}

/** The one setting that the environment may make: how much is logged. */
export const logLevel = (): string =>
  readSettings(
    z.object({
      DROVER_LOG_LEVEL: z
        .enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
        .default('info'),
    }),
    process.env,
  ).DROVER_LOG_LEVEL
