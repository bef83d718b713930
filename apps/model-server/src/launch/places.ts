import type { Flags } from '../flags/flags.ts'

/** A TCP address of one's own, or an inherited socket that is bound already. */
export type TcpPlace = { fd: number } | { host: string | undefined; port: number }
export type UnixPlace = { fd: number } | { path: string }

/** Where a serving thread listens. */
export interface Places {
  rest: TcpPlace | undefined
  grpc: TcpPlace | undefined
  unix: UnixPlace | undefined
}

/**
 * Where each serving thread listens, thread by thread: on its own copies of inherited sockets. The
 * only thread of a server without them binds addresses itself.
 */
export function placesOf({ process: { workers, inherited }, rest, grpc }: Flags): Places[] {
  return Array.from({ length: workers }, (_, thread) => {
    const inherit = (fds: readonly number[]): { fd: number } | undefined => {
      const fd = fds[thread]
      return fd === undefined ? undefined : { fd }
    }
    if (inherited)
      return {
        rest: inherit(inherited.rest),
        grpc: inherit(inherited.grpc),
        unix: inherit(inherited.unix),
      }
    return {
      rest: rest.port === undefined ? undefined : { host: rest.host, port: rest.port },
      grpc: grpc.port === undefined ? undefined : { host: grpc.host, port: grpc.port },
      unix: grpc.socketPath === undefined ? undefined : { path: grpc.socketPath },
    }
  })
}
