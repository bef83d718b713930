import { Server as TcpServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { DataPort } from './data.ts'

const LOOK_MS = 10

/**
 * Ends a data port without failing a request: it accepts no more, so that whoever else listens on
 * the same socket gets the new connections, and answers what still comes on those it has, telling
 * each client to connect anew. Clients that say nothing are waited for until their connections end.
 */
export async function drain(port: DataPort, limits: Limits): Promise<void> {
  const deadline = Date.now() + limits.drainMsMax
  port.sayGoodbye()
  // The close of node:http would also end idle connections, into which a client may just be writing.
  TcpServer.prototype.close.call(port.server)
  while (port.connections() > 0 && Date.now() < deadline) await setTimeout(LOOK_MS)
  port.server.closeAllConnections()
}
