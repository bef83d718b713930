import * as net from 'node:net'
import { z } from 'zod'

type Call = (...values: unknown[]) => unknown
const Create = z.custom<Call>((value) => typeof value === 'function')
const Handle = z.object({ fd: z.int().nonnegative(), getsockname: Create, close: Create })
const Name = z.object({ port: z.int().positive() })

/** A TCP socket on loopback that is bound and does not listen, as the agent of a server makes it. */
export interface BoundSocket {
  fd: number
  url: string
  close: () => void
}

/** Binds a free port by the call that Node's cluster module uses; it is in no documentation. */
export function bindSocket(): BoundSocket {
  const create = Create.parse(Reflect.get(net, '_createServerHandle'))
  const created = z.instanceof(Object).parse(create('127.0.0.1', 0, 4, undefined, 0))
  const { fd } = Handle.parse(created)
  const name = {}
  Reflect.apply(Create.parse(Reflect.get(created, 'getsockname')), created, [name])
  return {
    fd,
    url: `http://127.0.0.1:${Name.parse(name).port}`,
    close: () => {
      Reflect.apply(Create.parse(Reflect.get(created, 'close')), created, [])
    },
  }
}
