import { z } from 'zod'
import { FLAGS, readCommandLine } from './flags/command-line.ts'
import type { Flags } from './flags/flags.ts'
import { settle } from './flags/settle.ts'

export type { Flags } from './flags/flags.ts'
export { usage, version } from './flags/usage.ts'

/** What a command line asks for. */
export type Asked =
  | { kind: 'help' }
  | { kind: 'version' }
  /** Values that cannot be read, each a sentence. */
  | { kind: 'faults'; faults: readonly string[] }
  | {
      kind: 'serve'
      /** What the flags come to. Throws INVALID_ARGUMENT for flags that do not go together. */
      settle: () => Flags
      /** The words that are flags, for another process of this server. */
      words: readonly string[]
      /** The first word that is none; upstream tells of it and goes on. */
      unknown: string | undefined
    }

/**
 * Reads the command line in upstream's order: values, then `--help`, `--version`, an unknown
 * argument, and last what the flags come to.
 */
export function readFlags(words: readonly string[]): Asked {
  const line = readCommandLine(words)
  if (line.faults.length > 0) return { kind: 'faults', faults: line.faults }
  const [unknown] = line.unknown
  if (unknown === '--help') return { kind: 'help' }
  if (line.valueOf(FLAGS.version)) return { kind: 'version' }
  return { kind: 'serve', settle: () => settle(line), words: line.known, unknown }
}

const LogLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info')

/** The one setting that the environment may make: how much is logged. Throws for what is no level. */
export function logLevel(): string {
  const level = LogLevel.safeParse(process.env.DROVER_LOG_LEVEL)
  if (level.success) return level.data
  throw new Error(`settings: DROVER_LOG_LEVEL: ${z.prettifyError(level.error)}`)
}

/**
 * The environment of a process of this server. The malloc setting makes large blocks go back to the
 * system when they are freed, and two fifths less memory for a model (probes.md, P4); it is read only
 * when a process starts. So is the number of threads that wait for files: with Node's own four, a
 * mount that hangs under a few models would stop the files of all.
 */
export const environment = (): NodeJS.ProcessEnv => ({
  MALLOC_MMAP_THRESHOLD_: '65536',
  UV_THREADPOOL_SIZE: '32',
  ...process.env,
})

/** Whether `npx` started this: it is gone with a signal that this process never hears of. */
export const isUnderNpx = (): boolean => process.env.npm_command === 'exec'
