import type { Flag } from './flag.ts'
import { OWN } from './own.ts'
import { UPSTREAM } from './upstream.ts'

/** Every flag that this server knows, by name. */
export const FLAGS = { ...UPSTREAM, ...OWN } as const

const BY_NAME: ReadonlyMap<string, Flag> = new Map(Object.entries<Flag>(FLAGS))

/** The words of a command line, told apart. */
export interface CommandLine {
  /** The value of a flag: as it was given last, or its default. */
  valueOf: <T extends string | number | boolean>(flag: Flag<T>) => T
  isGiven: (flag: Flag) => boolean
  /** The words that are flags of ours, for another process of this server. */
  known: readonly string[]
  /** All others, in order. */
  unknown: readonly string[]
  /** A sentence for each value that cannot be read. */
  faults: readonly string[]
}

/**
 * Reads words as upstream does: `--name=value`, and `--name` alone for a bool; everything else, and
 * everything from `--` on, is unknown, which is for the caller to judge. The last of two counts.
 */
export function readCommandLine(words: readonly string[]): CommandLine {
  const given = new Map<Flag, string>()
  const known: string[] = []
  const faults: string[] = []
  const dashes = words.indexOf('--')
  const [flags, others] = dashes < 0 ? [words, []] : [words.slice(0, dashes), words.slice(dashes)]
  const unknown: string[] = []
  for (const word of flags) {
    const { name, flag, rest } = apart(word)
    if (flag === undefined) unknown.push(word)
    else if (flag.read(rest) === undefined)
      faults.push(`Couldn't interpret value ${shown(flag, rest)} for flag ${name}.`)
    else {
      given.set(flag, rest)
      known.push(word)
    }
  }
  return {
    valueOf: (flag) => {
      const rest = given.get(flag)
      return (rest === undefined ? undefined : flag.read(rest)) ?? flag.default
    },
    isGiven: (flag) => given.has(flag),
    known,
    unknown: [...unknown, ...others],
    faults,
  }
}

/** A word as the flag that it names, if it does so in this type's form, and what follows the name. */
function apart(word: string): { name: string; flag: Flag | undefined; rest: string } {
  const [, name = '', rest = ''] = /^--([^=]+)(.*)$/s.exec(word) ?? []
  const flag = BY_NAME.get(name)
  const isForm = flag?.type === 'bool' || rest !== ''
  return { name, flag: isForm ? flag : undefined, rest }
}

/** Upstream shows the `=` of a bool and not that of others. */
const shown = (flag: Flag, rest: string): string => (flag.type === 'bool' ? rest : rest.slice(1))
