// The REST side of a serving thread: it reads HTTP and answers from the models of this thread.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { Server as TcpServer, type Socket } from 'node:net'
import type { Log } from '@drover/service'
import { z } from 'zod'
import type { Limits } from '../limits.ts'
import type { Core } from '../serving/core.ts'
import { Answers } from './answers.ts'
import { isLoopback, refusalOf } from './foreign.ts'
import { Held } from './held.ts'
import { HttpRequests } from './http.ts'
import { PlainConnections } from './plain.ts'
import { Headers } from './reply.ts'
import { Routes } from './routes.ts'
import { untilQuiet } from '../serving/quiet.ts'

export { answerInLane } from './in-lane.ts'
export { waitFor } from './post.ts'

const BACKLOG = 4_096
const Address = z.object({ address: z.string(), port: z.number() })

export interface RestSettings {
  /** How long an answer may take; 0 or less is no limit. */
  timeoutMs: number
  /** Whether pages of other origins may ask. */
  corsEnabled: boolean
  /** Where the metrics page is; undefined for none. */
  prometheusPath: string | undefined
  /** `--enable_signature_method_name_check`; not if undefined. */
  checksMethodNames?: boolean
}

export interface RestOptions {
  core: Core
  log: Log
  limits: Limits
  settings: RestSettings
  /** Whether this is upstream's one port for everything: it then answers whatever name it is called by. */
  isSinglePort: boolean
}

/** The REST side that clients see. */
export interface RestPort {
  server: Server
  /** Listens on an inherited descriptor or an address of its own; returns the URL. Throws with the place in the message. */
  listen: (place: { fd: number } | { host: string | undefined; port: number }) => Promise<string>
  /** Open connections. */
  connections: () => number
  /**
   * Ends without failing a request: answers what still comes on the connections that it has, telling
   * each client to connect anew. Connections that stay idle are ended after a while, all of them after
   * `msMax`. See `Drain`.
   */
  drain: (msMax: number, staysOpen?: boolean) => Promise<void>
}

/** Makes the port; nothing listens yet. */
export function makeRestPort(options: RestOptions): RestPort {
  const { core, log, limits, settings, isSinglePort } = options
  let isLocal = false
  let connections = 0
  const answers = new Answers({
    core,
    log,
    timeoutMs: settings.timeoutMs,
    checksMethodNames: settings.checksMethodNames ?? false,
    refusalOf: (host, origin) => (isLocal ? refusalOf(host, origin) : undefined),
  })
  const routes = new Routes(settings.prometheusPath)
  const parts = {
    answers,
    routes,
    headers: new Headers(settings.corsEnabled),
    held: new Held(limits),
  }
  const requests = new HttpRequests(parts)
  const server = makeServer(limits, requests)
  const handOver = takeConnections(server)
  const plain = new PlainConnections({ ...parts, limits, handOver })
  server.on('connection', (socket) => {
    connections++
    socket.once('close', () => connections--)
    plain.take(socket)
  })

  return {
    server,
    listen: async (place) => {
      const { address, port } = await listen(server, place)
      isLocal = !isSinglePort && isLoopback(address)
      return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
    },
    connections: () => connections,
    drain: async (msMax, staysOpen = false) => {
      requests.isLeaving = true
      plain.isLeaving = true
      // The close of node:http would also end idle connections, into which a client may just be writing.
      const close = (): unknown => TcpServer.prototype.close.call(server)
      const idleMs = Math.min(limits.drainIdleMs, msMax)
      const until = async (ms: number): Promise<void> =>
        await untilQuiet(() => connections, ms, staysOpen ? limits.drainQuietMs : 0)
      if (!staysOpen) close()
      await until(idleMs)
      plain.closeIdle()
      server.closeIdleConnections()
      await until(msMax - idleMs)
      if (staysOpen) close()
      plain.close()
      server.closeAllConnections()
    },
  }
}

function makeServer(limits: Limits, requests: HttpRequests): Server {
  const server = createServer(
    {
      // Upstream answers without one as well.
      requireHostHeader: false,
      requestTimeout: limits.receiveMsMax,
      headersTimeout: Math.min(limits.headersMsMax, limits.receiveMsMax),
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.connectionsCheckMs,
    },
    (request, response) => requests.take(request, response),
  )
  server.maxConnections = limits.connectionsMax
  server.on('clientError', (error, socket) => requests.refuse(error, socket))
  return server
}

/** Takes new connections away from node:http; returns what gives one back to it. */
export function takeConnections(server: Server): (socket: Socket) => void {
  const listeners = server.listeners('connection')
  server.removeAllListeners('connection')
  return (socket) => {
    for (const listener of listeners) Reflect.apply(listener, server, [socket])
  }
}

async function listen(
  server: Server,
  place: { fd: number } | { host: string | undefined; port: number },
): Promise<z.output<typeof Address>> {
  server.listen({ ...place, backlog: BACKLOG })
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${JSON.stringify(place)}`, { cause })
  }
  return Address.parse(server.address())
}
