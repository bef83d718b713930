import { Agent, request } from 'node:http'
import { ServedDelta, ServedList, type ServedModel } from '@drover/model-config'
import { DATA_TYPES, type GoldenAnswers } from '@drover/serving-api'
import { z } from 'zod'
import { AgentError } from '../errors.ts'

const SOCKETS_MAX = 8
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
const CALL_MS_MAX = 30_000
/** How long a model may take to load before the server counts as wedged, on top of a call's own time. */
const LOAD_MS_MAX = 10_000
const RUN_MS_MAX = 40_000
/** Whoever collects metrics waits for ten seconds as a rule. */
const METRICS_MS_MAX = 8_000
/** What a server answers that has too much to do, or whose engine is starting again: proves nothing. */
const BUSY_STATUSES = new Set([429, 503, 504])

type GoldenRequest = GoldenAnswers['requests'][number]
type Tensors = GoldenRequest['outputs']

/** How a server ends for good; one that is replaced gives its connections to the next one at once. */
export interface Drain {
  msMax: number
  /** Whether connections are taken until the end: not everybody may know that this server goes. */
  staysOpen: boolean
}

/** The model server's admin socket. A server that does not answer in time counts as ended. */
export interface Admin extends Disposable {
  /** Removes, then upserts; answers when all that is named has settled. */
  change(upserts: readonly ServedModel[], removes: readonly string[]): Promise<ServedList>
  /** Answers one request with a certain version. Throws `FAULT` when the version cannot. */
  run(name: string, version: number, golden: GoldenRequest): Promise<Tensors>
  /** Whether every thread that answers requests is there; throws `SERVER_ENDED` when one is not. */
  pulse(msMax: number): Promise<void>
  /** Its metrics page. */
  metrics(): Promise<string>
  /** Lets the server take requests from now on. */
  accept(): Promise<void>
  /** Asks the server to finish and to end; it takes no more connections unless told. */
  drain(how?: Drain): Promise<void>
}

// The values are checked where they are decoded; here they only have to be tensors by shape.
const Outputs = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      dtype: z.enum(DATA_TYPES),
      shape: z.array(z.int().nonnegative()),
      values: z.array(z.union([z.number(), z.string()])),
    }),
  ),
})
const Failure = z.object({ error: z.string() })

interface Call {
  method: 'GET' | 'POST'
  path: string
  body?: object
  msMax: number
}

interface Answer {
  status: number
  text: string
}

export function makeAdmin(socketPath: string): Admin {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })

  async function call(what: Call): Promise<Answer> {
    try {
      return await exchange(socketPath, agent, what)
    } catch (cause) {
      const message = `the model server does not answer ${what.method} ${what.path}`
      throw new AgentError('SERVER_ENDED', message, { cause })
    }
  }

  async function require<T>(what: Call, schema: z.ZodType<T>): Promise<T> {
    const { status, text } = await call(what)
    const answer = status === 200 ? schema.safeParse(parsed(text)) : undefined
    if (answer?.success) return answer.data
    const message = `the model server answers ${what.method} ${what.path} with ${status}`
    throw new AgentError('SERVER_ENDED', message, { cause: answer?.error ?? new Error(text) })
  }

  return {
    change: async (upserts, removes) => {
      const body = ServedDelta.parse({ upserts, removes })
      const msMax = CALL_MS_MAX + LOAD_MS_MAX * upserts.length
      return await require({ method: 'POST', path: '/v1/models', body, msMax }, ServedList)
    },
    run: async (name, version, { signature, inputs }) => {
      const body = { name, version, signature, inputs }
      const { status, text } = await call({
        method: 'POST',
        path: '/v1/run',
        body,
        msMax: RUN_MS_MAX,
      })
      const answer = Outputs.safeParse(parsed(text))
      if (status === 200 && answer.success) return answer.data.outputs
      const failure = Failure.safeParse(parsed(text))
      const why = failure.success ? failure.data.error : `status ${status}`
      const code = BUSY_STATUSES.has(status) ? 'IMPAIRED' : 'FAULT'
      throw new AgentError(code, `a golden request fails on the server: ${why}`)
    },
    pulse: async (msMax) => {
      const { status } = await call({ method: 'GET', path: '/v1/pulse', msMax })
      if (status !== 200)
        throw new AgentError('SERVER_ENDED', `its pulse is answered with ${status}`)
    },
    metrics: async () => {
      const path = '/drover/v1/metrics'
      const { status, text } = await call({ method: 'GET', path, msMax: METRICS_MS_MAX })
      if (status !== 200) throw new AgentError('SERVER_ENDED', `${path} is answered with ${status}`)
      return text
    },
    accept: async () => {
      const { status } = await call({ method: 'POST', path: '/v1/accept', msMax: CALL_MS_MAX })
      if (status !== 200) throw new AgentError('SERVER_ENDED', `accept is answered with ${status}`)
    },
    drain: async (how) => {
      const path = '/v1/drain'
      const body = { ...how }
      const { status } = await call({ method: 'POST', path, body, msMax: CALL_MS_MAX })
      if (status >= 300) throw new AgentError('SERVER_ENDED', `drain is answered with ${status}`)
    },
    [Symbol.dispose]: () => {
      agent.destroy()
    },
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON fits no schema either, and the caller reports the status.
    return undefined
  }
}

async function exchange(
  socketPath: string,
  agent: Agent,
  { method, path, body, msMax }: Call,
): Promise<Answer> {
  const content = body === undefined ? '{}' : JSON.stringify(body)
  const headers =
    method === 'GET'
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }
  return await new Promise<Answer>((resolve, reject) => {
    const signal = AbortSignal.timeout(msMax)
    const sent = request(
      { socketPath, agent, method, path, headers: { ...headers, host: 'localhost' }, signal },
      (response) => {
        const chunks: Buffer[] = []
        let sizeBytes = 0
        response.on('data', (chunk: Buffer) => {
          sizeBytes += chunk.length
          if (sizeBytes > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too large'))
          else chunks.push(chunk)
        })
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, text })
        })
      },
    )
    sent.once('error', reject)
    sent.end(method === 'GET' ? undefined : content)
  })
}
