// The load, as a program: so many connections, each with one request at a time. It prints one line.
// Requests follow each other at once, or come so many a second, whether the server keeps up or not.

import { setInterval } from 'node:timers'
import { openGrpc } from './load-grpc.ts'
import { openHttp } from './load-http.ts'
import { type Connection, Job } from './load-job.ts'

const TICK_MS = 1

const job = Job.parse(JSON.parse(process.argv[2] ?? ''))
const latencies = new Float64Array(job.requests)
let answered = 0
let failed = 0

const open = job.kind === 'http' ? openHttp : openGrpc
const connections = await Promise.all(
  Array.from({ length: job.connections }, async () => await open(job)),
)
const startedAt = performance.now()
await (job.perSecond === undefined ? closely(connections) : paced(connections, job.perSecond))
const seconds = (performance.now() - startedAt) / 1_000
latencies.sort()
const at = (share: number): number =>
  latencies[Math.min(answered - 1, Math.floor(answered * share))] ?? NaN
console.log(
  JSON.stringify({
    msg: 'done',
    requests: answered,
    failed,
    seconds,
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  }),
)
process.exit(0)

function ask(connection: Connection, index: number, dueAt: number, next: () => void): void {
  connection.ask(index, (isGood) => {
    latencies[answered++] = performance.now() - dueAt
    if (!isGood) failed++
    next()
  })
}

/** Each connection asks again as soon as it is answered. */
async function closely(all: readonly Connection[]): Promise<void> {
  let sent = 0
  await new Promise<void>((resolve) => {
    const next = (connection: Connection): void => {
      if (sent < job.requests) ask(connection, sent++, performance.now(), () => next(connection))
      else if (answered === job.requests) resolve()
    }
    for (const connection of all) next(connection)
  })
}

/** Requests become due at their time, and wait for a connection that is free. */
async function paced(all: readonly Connection[], perSecond: number): Promise<void> {
  // In turn: a connection that is never used would be closed.
  const idle = [...all]
  const dueAts: number[] = []
  let due = 0
  let sent = 0
  await new Promise<void>((resolve) => {
    const pump = (): void => {
      while (sent < due) {
        const connection = idle.shift()
        if (connection === undefined) return
        ask(connection, sent, dueAts[sent] ?? 0, () => {
          idle.push(connection)
          pump()
        })
        sent++
      }
      if (answered === job.requests) resolve()
    }
    const timer = setInterval(() => {
      const now = performance.now()
      const wanted = Math.floor(((now - startedAt) * perSecond) / 1_000)
      for (; due < Math.min(wanted, job.requests); due++) dueAts.push(now)
      pump()
      if (due === job.requests) clearInterval(timer)
    }, TICK_MS)
  })
}
