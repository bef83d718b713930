// Asks models until it is told to end, and then says in one line of JSON what it saw. Its argument is a
// JSON object; each line of its standard input says which versions of a model may answer from now on.

import { createInterface } from 'node:readline'
import { z } from 'zod'
import { type Ask, grpcClient, restClient, withRetries } from './clients.ts'
import { type Kind, Tally } from './tally.ts'

const Settings = z.strictObject({
  /** `http://host:port`. */
  rest: z.url(),
  /** `host:port`. */
  grpc: z.string(),
  models: z.array(z.string()).min(1),
  /** REST clients that ask all the time. */
  keeping: z.int(),
  /** REST clients that leave their connection idle for a while. */
  slow: z.int(),
  /** gRPC channels. */
  channels: z.int(),
  /** Between two requests of a client. */
  pauseMs: z.int(),
  slowPauseMs: z.int(),
  /** For servers that die without a word. */
  hasRetries: z.boolean(),
})
const Line = z.strictObject({ model: z.string(), floor: z.int(), ceiling: z.int() })

const settings = Settings.parse(JSON.parse(process.argv[2] ?? ''))
const { models, pauseMs, slowPauseMs, hasRetries } = settings
const tally = new Tally()
const ending = new AbortController()

async function run(kind: Kind, ask: Ask, betweenMs: number): Promise<void> {
  for (let turn = 0; !ending.signal.aborted; turn++) {
    const model = models[turn % models.length] ?? ''
    await tally.count(kind, model, async (x) => await ask(model, x))
    await new Promise((done) => setTimeout(done, betweenMs))
  }
}

const waiting = new Set(models)
// Nobody may ask before it is known what may answer.
await new Promise<void>((begin) => {
  createInterface(process.stdin).on('line', (line) => {
    const { model, ...bounds } = Line.parse(JSON.parse(line))
    tally.bound(model, bounds)
    if (waiting.delete(model) && waiting.size === 0) begin()
  })
})
const rest = (): Ask =>
  hasRetries ? withRetries(restClient(settings.rest)) : restClient(settings.rest)
const times = (count: number, make: () => Promise<void>) => Array.from({ length: count }, make)
process.once('SIGTERM', () => ending.abort())
await Promise.all([
  ...times(settings.keeping, async () => await run('rest', rest(), pauseMs)),
  ...times(settings.slow, async () => await run('rest, slow', rest(), slowPauseMs)),
  ...times(settings.channels, async () => {
    await run('grpc-js', grpcClient(settings.grpc, hasRetries), pauseMs)
  }),
])
process.stdout.write(`${JSON.stringify(tally.tell())}\n`, () => process.exit(0))
