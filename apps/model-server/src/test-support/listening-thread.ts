// One thread of `listening-threads.ts`: it answers with its number and does as the paths say.
//
//   /close       stops listening, for good
//   /hold?ms=N   answers, and then does nothing else for so long
//   /exit?code=N ends the process

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

/** What such a thread is started with. */
export interface ListeningThreadData {
  thread: number
  fds: number[]
}

const { thread, fds }: ListeningThreadData = workerData

const servers: Server[] = fds.map((fd) =>
  createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    if (url.pathname === '/close') for (const server of servers) server.close()
    if (url.pathname === '/exit') parentPort?.postMessage(Number(url.searchParams.get('code')), [])
    if (url.pathname === '/hold')
      response.once('close', () => hold(Number(url.searchParams.get('ms'))))
    response.setHeader('connection', 'close')
    response.end(String(thread))
  }).listen({ fd, backlog: 511 }),
)
await Promise.all(servers.map(async (server) => await once(server, 'listening')))
parentPort?.postMessage('listening', [])

function hold(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
