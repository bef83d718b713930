// The load, as a program: so many connections, each with one request at a time. It prints one line.

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { Client, credentials } from '@grpc/grpc-js'
import { z } from 'zod'

const Job = z.object({
  kind: z.enum(['http', 'grpc']),
  port: z.int(),
  path: z.string(),
  bodyFile: z.string(),
  connections: z.int(),
  requests: z.int(),
})
type Job = z.output<typeof Job>

const job = Job.parse(JSON.parse(process.argv[2] ?? ''))
const body = readFileSync(job.bodyFile)
const latencies: number[] = []
let sent = 0
let failed = 0

const startedAt = performance.now()
await Promise.all(
  Array.from({ length: job.connections }, async () =>
    job.kind === 'http' ? await askByHttp(job) : await askByGrpc(job),
  ),
)
const seconds = (performance.now() - startedAt) / 1_000
const sorted = latencies.toSorted((a, b) => a - b)
const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN
console.log(
  JSON.stringify({
    msg: 'done',
    requests: latencies.length,
    failed,
    seconds,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
  }),
)
process.exit(0)

/** Takes one of the requests that are left; false when there are none. */
function take(): boolean {
  return sent < job.requests && ++sent > 0
}

/** A keep-alive connection, by hand: a client library would cost more than the server. */
async function askByHttp({ port, path }: Job): Promise<void> {
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  const request = Buffer.concat([Buffer.from(head), body])
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let startedAt = 0
    let answer = ''
    const next = (): void => {
      if (!take()) {
        socket.destroy()
        return resolve()
      }
      answer = ''
      startedAt = performance.now()
      socket.write(request)
    }
    socket.once('error', reject)
    socket.once('connect', next)
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
      const end = answer.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0)
      if (answer.length < end + 4 + length) return
      latencies.push(performance.now() - startedAt)
      if (!answer.startsWith('HTTP/1.1 200')) failed++
      next()
    })
  })
}

async function askByGrpc({ port, path }: Job): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    // Otherwise clients of one address share a connection.
    'grpc.use_local_subchannel_pool': 1,
  })
  const same = (bytes: Buffer): Buffer => bytes
  while (take()) {
    const startedAt = performance.now()
    await new Promise<void>((resolve) => {
      client.makeUnaryRequest(path, same, same, body, (error) => {
        if (error !== null) failed++
        resolve()
      })
    })
    latencies.push(performance.now() - startedAt)
  }
  client.close()
}
