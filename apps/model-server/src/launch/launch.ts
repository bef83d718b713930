// The first process of a server with several threads. Node cannot copy a descriptor, and one that a
// thread closes is closed for all of its process: so each thread needs a copy of each socket, and
// only a parent can hand out copies. It binds, never listens, and ends exactly as its child does.
//
//   binding     nothing runs yet                  -> ended with 1, when a port is in use
//   following   the child serves, signals go to it -> ended as the child, when that ends

import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { environment, isUnderNpx } from '../config.ts'
import type { Flags } from '../flags/flags.ts'
import { type BoundSocket, type BoundUnixSocket, bindTcp, bindUnix } from './bind.ts'
import { type ListenFds, renderListenFds } from './listen-fds.ts'
import { parentEnd, npmEnd } from './parent.ts'

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
/** In the child, after standard input, output and error. */
const FIRST_FD = 3
/** What a shell adds to the number of the signal that ended a command. */
const SIGNALLED = 128

export interface LaunchOptions {
  /** The file that the child runs. */
  program: string
  /** The flags in words, for the child. */
  words: readonly string[]
  flags: Flags
}

/** Whether this process has to give its sockets to a child with as many threads as copies. */
export const needsLaunch = ({ process: { workers, inherited }, rest, grpc }: Flags): boolean =>
  workers > 1 &&
  inherited === undefined &&
  (rest.port !== undefined || grpc.port !== undefined || grpc.socketPath !== undefined)

/** Runs the server as a child and ends this process as the child ends. Throws when it cannot bind. */
export async function launch(options: LaunchOptions): Promise<never> {
  const sockets = await bindSockets(options.flags)
  const child = start(sockets, options)
  const ended = endOf(child)
  // While this process holds its copies, nobody is refused when the child has stopped listening.
  for (const socket of Object.values(sockets)) socket?.close()
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
  if (isUnderNpx()) npmEnd().addEventListener('abort', () => child.kill('SIGTERM'))
  if (options.flags.process.followsParent)
    parentEnd().addEventListener('abort', () => child.stdin?.end(), { once: true })
  const [code, signal] = await ended
  await sockets.unix?.remove()
  return endAs(code, signal)
}

interface Sockets {
  rest: BoundSocket | undefined
  grpc: BoundSocket | undefined
  unix: BoundUnixSocket | undefined
}

async function bindSockets({ rest, grpc }: Flags): Promise<Sockets> {
  return {
    rest: rest.port === undefined ? undefined : await bindTcp(rest.host, rest.port),
    grpc: grpc.port === undefined ? undefined : await bindTcp(grpc.host, grpc.port),
    unix: grpc.socketPath === undefined ? undefined : await bindUnix(grpc.socketPath),
  }
}

function start(sockets: Sockets, { program, words, flags }: LaunchOptions): ChildProcess {
  const copies: number[] = []
  const copiesOf = (socket: BoundSocket | undefined): number[] =>
    socket === undefined
      ? []
      : Array.from({ length: flags.process.workers }, () => copies.push(socket.fd) - 1 + FIRST_FD)
  const fds: ListenFds = {
    rest: copiesOf(sockets.rest),
    grpc: copiesOf(sockets.grpc),
    unix: copiesOf(sockets.unix),
  }
  const own = [`--listen_fds=${renderListenFds(fds)}`, '--follow_parent=true']
  const child = spawn(process.execPath, [...process.execArgv, program, ...words, ...own], {
    // Its standard input is a pipe of this process: whatever ends this one ends it too.
    stdio: ['pipe', 'inherit', 'inherit', ...copies],
    // Out of the terminal's group, as it would be told of every Ctrl-C twice.
    detached: true,
    env: environment(),
  })
  // A child that is gone closes the pipe; its end is reported by `exit`.
  child.stdin?.on('error', () => {})
  return child
}

async function endOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve([code, signal]))
  })
}

/** Ends this process with a code, or by the signal that ended the child. */
function endAs(code: number | null, signal: NodeJS.Signals | null): never {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  // The first process of a container is not ended by its own signals.
  process.exit(SIGNALLED + constants.signals[signal])
}
