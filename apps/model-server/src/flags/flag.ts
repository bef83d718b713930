/** How upstream names the types of its flags. */
export type FlagType = 'int32' | 'int64' | 'float' | 'bool' | 'string'

/** What a flag does in this server: something, or nothing and why. */
export type Effect = 'used' | `no effect here, because ${string}`

/** A flag of the command line. Which value it has is told by `CommandLine`. */
export interface Flag<T extends string | number | boolean = string | number | boolean> {
  readonly type: FlagType
  readonly default: T
  /** For the usage. */
  readonly help: string
  readonly effect: Effect
  /** The value of what is written behind the name, its `=` included; undefined for what is no value. */
  readonly read: (rest: string) => T | undefined
}

type Make<T extends string | number | boolean> = (
  preset: T,
  help: string,
  effect?: Effect,
) => Flag<T>

const INT32_MAX = 2 ** 31 - 1

/** As `sscanf` reads it: spaces before, a sign, decimal digits, nothing after. */
const INTEGER = /^=\s*[+-]?\d+$/
const FRACTION = /^=\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

const flag =
  <T extends string | number | boolean>(type: FlagType, read: Flag<T>['read']): Make<T> =>
  (preset, help, effect = 'used') =>
    Object.freeze({ type, default: preset, help, effect, read })

const integer =
  (min: number, max: number) =>
  (rest: string): number | undefined => {
    const value = INTEGER.test(rest) ? Number(rest.slice(1)) : Number.NaN
    return value >= min && value <= max ? value : undefined
  }

export const int32 = flag<number>('int32', integer(-INT32_MAX - 1, INT32_MAX))

/** An int64 that JavaScript can count with; 2 ** 53 of bytes or microseconds is more than there is. */
export const int64 = flag<number>(
  'int64',
  integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
)

export const float = flag<number>('float', (rest) =>
  FRACTION.test(rest) ? Number(rest.slice(1)) : undefined,
)

/** `--name`, `--name=true` or `--name=false` and no other form, as upstream. */
export const bool = flag<boolean>('bool', (rest) => {
  if (rest === '' || rest === '=true') return true
  return rest === '=false' ? false : undefined
})

export const string = flag<string>('string', (rest) =>
  rest.startsWith('=') ? rest.slice(1) : undefined,
)
