import { isIP } from 'node:net'
import * as net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import { z } from 'zod'

const BIND_MS_MAX = 10_000
const BIND_AGAIN_MS = 50

/** A TCP socket that is bound and does not listen: model servers inherit it and listen, one after another. */
export interface BoundSocket extends Disposable {
  fd: number
  port: number
  /** `host:port`, as gRPC takes it. */
  address: string
  url: string
}

/** `host:port`, with an IPv6 address in brackets. */
export const addressOf = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

type Call = (...values: unknown[]) => unknown
const isCall = (value: unknown): value is Call => typeof value === 'function'
const Handle = z.object({
  fd: z.int().nonnegative(),
  getsockname: z.custom<Call>(isCall),
  close: z.custom<Call>(isCall),
})
const Name = z.object({ port: z.int().positive() })

/**
 * Binds an address. A server of Node that listens would take connections away from the model
 * servers, so this uses the call that Node's own cluster module uses; it is in no documentation,
 * and its test says whether this Node still has it. A port that an ending predecessor still holds
 * is waited for; then the error names the port.
 */
export async function bindSocket(host: string, port: number): Promise<BoundSocket> {
  const deadline = Date.now() + BIND_MS_MAX
  for (;;) {
    const bound = bindOnce(host, port)
    if (typeof bound !== 'number') return bound
    const isTaken = getSystemErrorName(bound) === 'EADDRINUSE'
    if (!isTaken || Date.now() > deadline)
      throw new Error(`cannot bind ${host}:${port}: ${getSystemErrorName(bound)}`)
    await delay(BIND_AGAIN_MS)
  }
}

/** The socket, or the number of the system's error. */
function bindOnce(host: string, port: number): BoundSocket | number {
  const create = z.custom<Call>(isCall).parse(Reflect.get(net, '_createServerHandle'))
  const created = create(host, port, isIP(host), undefined, 0)
  if (typeof created === 'number') return created
  const { fd } = Handle.parse(created)
  const handle = z.custom<Record<'getsockname' | 'close', Call>>().parse(created)
  // A port that is taken shows here first: the system's answer to bind is held back until then.
  const name = {}
  const failed = handle.getsockname(name)
  if (typeof failed === 'number' && failed !== 0) {
    handle.close()
    return failed
  }
  const bound = Name.parse(name).port
  const address = addressOf(host, bound)
  return {
    fd,
    port: bound,
    address,
    url: `http://${address}`,
    [Symbol.dispose]: () => {
      handle.close()
    },
  }
}
