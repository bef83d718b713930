import { lookup } from 'node:dns/promises'
import { lstat, rename, rm } from 'node:fs/promises'
import * as net from 'node:net'
import { dirname, join } from 'node:path'
import { getSystemErrorName } from 'node:util'

/** A socket that is bound and does not listen; whoever inherits a copy of the descriptor may listen. */
export interface BoundSocket {
  readonly fd: number
  /** The TCP port; undefined for a Unix socket. */
  readonly port: number | undefined
  /** Closes this process's descriptor: a copy elsewhere is not affected. */
  close(): void
}

/** A Unix socket; its file is there until `remove`. */
export interface BoundUnixSocket extends BoundSocket {
  /** Removes the file, unless another process has put its own there. */
  remove(): Promise<void>
}

/** The kernel has so much room for the path of a Unix socket. */
const PATH_BYTES_MAX = 107
const ANY_IPV4 = '0.0.0.0'

/**
 * Binds a TCP port of a host; without a host, of all addresses: of IPv6 and IPv4, or of IPv4 where
 * there is no IPv6. Port 0 takes a free one. Throws one sentence that names the place.
 */
export async function bindTcp(host: string | undefined, port: number): Promise<BoundSocket> {
  if (host !== undefined) return bindAddress(await addressOf(host), port)
  const bound = tryBind('::', port)
  if (typeof bound !== 'number') return bound
  // What holds the port there holds it here as well.
  if (getSystemErrorName(bound) === 'EADDRINUSE') throw cannotBind(`port ${port}`, bound)
  return bindAddress(ANY_IPV4, port)
}

/**
 * Binds a Unix socket in place of one that is left there; anything else at the path is an error. The
 * socket is made beside it and renamed: libuv removes the name under which it made it when the
 * descriptor is closed, and here the file has to outlive the descriptor.
 */
export async function bindUnix(path: string): Promise<BoundUnixSocket> {
  const found = await lstat(path).catch(() => undefined)
  if (found !== undefined && !found.isSocket())
    throw new Error(`cannot listen on ${path}: it is there and is no socket`)
  const made = join(dirname(path), `.${process.pid}`)
  if (Buffer.byteLength(path) > PATH_BYTES_MAX || Buffer.byteLength(made) > PATH_BYTES_MAX)
    throw new Error(`cannot listen on ${path}: the path has more than ${PATH_BYTES_MAX} bytes`)
  await rm(made, { force: true })
  const handle = createHandle(made, -1, -1)
  if (typeof handle === 'number') throw cannotBind(path, handle)
  const { ino } = await lstat(made)
  await rename(made, path)
  return {
    fd: handle.fd,
    port: undefined,
    close: () => handle.close(),
    remove: async () => {
      const left = await lstat(path).catch(() => undefined)
      if (left?.ino === ino) await rm(path, { force: true })
    },
  }
}

function bindAddress(address: string, port: number): BoundSocket {
  const bound = tryBind(address, port)
  if (typeof bound === 'number') throw cannotBind(`${address} port ${port}`, bound)
  return bound
}

/** The socket, or the number of the system's error. */
function tryBind(address: string, port: number): BoundSocket | number {
  const handle = createHandle(address, port, net.isIP(address))
  if (typeof handle === 'number') return handle
  // libuv keeps an address that is taken to itself until somebody asks for the name or listens.
  const name: { port?: number } = {}
  const failed = handle.getsockname?.(name) ?? 0
  if (failed !== 0) {
    handle.close()
    return failed
  }
  return { fd: handle.fd, port: name.port, close: () => handle.close() }
}

/** What `_createServerHandle` makes. */
interface Handle {
  readonly fd: number
  close(): void
  getsockname?(name: { port?: number }): number
}

const isHandle = (value: unknown): value is Handle =>
  typeof value === 'object' &&
  value !== null &&
  'fd' in value &&
  typeof value.fd === 'number' &&
  'close' in value &&
  typeof value.close === 'function'

/**
 * Node's own way to bind without listening, which its cluster module uses; it is in no documentation,
 * and `bind.test.ts` says whether this Node still has it. A server that listens would take
 * connections away from those who inherit the socket. Port and type are -1 for a Unix socket.
 */
function createHandle(address: string, port: number, type: number): Handle | number {
  const create: unknown = Reflect.get(net, '_createServerHandle')
  if (typeof create !== 'function') throw new Error('this Node cannot bind without listening')
  const made: unknown = Reflect.apply(create, undefined, [address, port, type, undefined, 0])
  if (typeof made === 'number' || isHandle(made)) return made
  throw new Error('this Node binds in another way')
}

async function addressOf(host: string): Promise<string> {
  if (net.isIP(host) !== 0) return host
  try {
    return (await lookup(host)).address
  } catch (cause) {
    throw new Error(`cannot listen on ${host}: no address has this name`, { cause })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'it is no address of this machine',
}

function cannotBind(place: string, errno: number): Error {
  const name = getSystemErrorName(errno)
  return new Error(`cannot listen on ${place}: ${REASONS[name] ?? name} (${name})`)
}
