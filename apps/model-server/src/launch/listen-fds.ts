import { refused } from '../flags/refused.ts'

/** Inherited sockets that are bound and do not listen: by kind, one descriptor for each worker. */
export interface ListenFds {
  readonly rest: readonly number[]
  readonly grpc: readonly number[]
  readonly unix: readonly number[]
}

const KINDS = ['rest', 'grpc', 'unix'] as const
/** Those below are standard input, output and error. */
const FD_MIN = 3
const GROUP = /^(rest|grpc|unix):(\d{1,4}(?:,\d{1,4})*)$/

/** How many threads these sockets are for. */
export const workersOf = ({ rest, grpc, unix }: ListenFds): number =>
  Math.max(rest.length, grpc.length, unix.length)

/** As `--listen_fds` takes it. */
export const renderListenFds = (fds: ListenFds): string =>
  KINDS.filter((kind) => fds[kind].length > 0)
    .map((kind) => `${kind}:${fds[kind].join(',')}`)
    .join(';')

/**
 * Reads `rest:4,5;grpc:6,7;unix:8,9`, any of the kinds. Throws INVALID_ARGUMENT, also when the kinds
 * have not as many descriptors each, or one is there twice.
 */
export function parseListenFds(text: string): ListenFds {
  const fds: Record<(typeof KINDS)[number], number[]> = { rest: [], grpc: [], unix: [] }
  for (const group of text.split(';')) {
    const [, kind, numbers] = GROUP.exec(group) ?? []
    const found = KINDS.find((each) => each === kind)
    if (found === undefined || numbers === undefined || fds[found].length > 0)
      throw wrong(text, 'use rest:4,5;grpc:6,7;unix:8,9, each kind at most once')
    fds[found] = numbers.split(',').map(Number)
  }
  const all = KINDS.flatMap((kind) => fds[kind])
  if (new Set(all).size < all.length || all.some((fd) => fd < FD_MIN))
    throw wrong(text, `each descriptor is there once and not below ${FD_MIN}`)
  const counts = new Set(KINDS.map((kind) => fds[kind].length).filter((count) => count > 0))
  if (counts.size > 1) throw wrong(text, 'every kind has one descriptor for each worker')
  return Object.freeze(fds)
}

const wrong = (text: string, why: string) => refused(`--listen_fds=${text}: ${why}`)
