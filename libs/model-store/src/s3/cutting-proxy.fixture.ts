import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that loses answers: the request arrives, and the connection is cut. */
export async function startCuttingProxy(endpoint: string) {
  const upstream = new URL(endpoint)
  const cuts: { method: string; afterBytes: number }[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const target = connect(Number(upstream.port), upstream.hostname)
    let left: number | undefined
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        target.destroy()
      })
    }
    client.on('data', (request: Buffer) => {
      const [cut] = cuts
      if (cut !== undefined && request.toString('latin1').startsWith(`${cut.method} `)) {
        left = cut.afterBytes
        cuts.shift()
      }
      target.write(request)
    })
    target.on('data', (answer: Buffer) => {
      if (left === undefined) return void client.write(answer)
      left -= answer.length
      if (left >= 0) return void client.write(answer)
      client.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    /** Cuts the connection of the next request of this method, once it was answered by so much. */
    cut: (method: string, afterBytes = 0) => void cuts.push({ method, afterBytes }),
    /** How many cuts have not happened yet. */
    left: () => cuts.length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
