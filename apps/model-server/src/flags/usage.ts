import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Flag } from './flag.ts'
import { OWN } from './own.ts'
import { UPSTREAM } from './upstream.ts'

const PROGRAM = 'drover-model-server'
/** The release of TensorFlow Serving whose rules are followed. */
const CONTRACT = '2.20'
const NAME_COLUMNS = 33

/** What `--help` prints, in upstream's columns: flag with default, type, meaning. */
export function usage(): string {
  return [
    `usage: ${PROGRAM}`,
    'Flags:',
    ...linesOf(UPSTREAM),
    'Flags that tensorflow_model_server does not have:',
    ...linesOf(OWN),
    '',
  ].join('\n')
}

const linesOf = (flags: Readonly<Record<string, Flag>>): string[] =>
  Object.entries(flags).map(([name, { type, default: preset, help, effect }]) => {
    const value = type === 'string' ? JSON.stringify(preset) : String(preset)
    const text = effect === 'used' ? help : `${help} (${effect})`
    return `\t${`--${name}=${value}`.padEnd(NAME_COLUMNS)}\t${type}\t${text}`
  })

/** What `--version` prints: upstream's line, which says that this is not upstream. */
export const version = (): string =>
  `TensorFlow ModelServer: ${PROGRAM} ${packageVersion()}, ` +
  `compatible with TensorFlow Serving ${CONTRACT}\n`

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
