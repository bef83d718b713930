import {
  ANSWER_BYTES_MAX,
  ApplyAnswer,
  type ApplyRequest,
  type RecycleRequest,
  ServerState,
} from '@drover/model-config'
import { childOf } from '@drover/service'
import { z } from 'zod'

const MESSAGE_CHARACTERS_MAX = 300
const CONFLICT = 409
/** What a proxy answers for an agent that it cannot reach, or that did not answer in its time. */
const BY_A_GATEWAY = new Set([502, 503, 504])

/** What went wrong between this process and a server's agent. */
export const AgentCode = {
  /** It answered and said no, or something that is no answer. */
  REFUSED: 'REFUSED',
  /** It has heard a higher fence than the command's, or came to hear one meanwhile. */
  OUTDONE: 'OUTDONE',
  /** No answer came: nobody knows whether it did what it was told. */
  LOST: 'LOST',
} as const
export type AgentCode = (typeof AgentCode)[keyof typeof AgentCode]

export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentCode

  constructor(code: AgentCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** How a command is sent. */
export interface CallOptions {
  signal: AbortSignal
  /** The trace that it belongs to. */
  traceparent?: string | undefined
}

/** The three calls of a serving agent. Each throws an AgentError when it does not succeed. */
export interface Agents {
  state(url: string, signal: AbortSignal): Promise<ServerState>
  apply(url: string, request: ApplyRequest, options: CallOptions): Promise<ApplyAnswer>
  recycle(url: string, request: RecycleRequest, options: CallOptions): Promise<ServerState>
}

const Refusal = z.object({ error: z.string() })

/** Talks to agents over HTTP, with the token that they ask for. */
export function makeAgents(token: string | undefined): Agents {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }

  async function call(url: string, init: RequestInit): Promise<{ status: number; text: string }> {
    try {
      // An agent sends nobody elsewhere, and the token is for it alone: a redirect is a refusal.
      const answer = await fetch(url, { ...init, redirect: 'manual' })
      return { status: answer.status, text: await readBounded(answer) }
    } catch (cause) {
      if (cause instanceof AgentError) throw cause
      throw new AgentError(AgentCode.LOST, `${url} did not answer`, { cause })
    }
  }

  async function ask<T>(url: string, schema: z.ZodType<T>, init: RequestInit): Promise<T> {
    const { status, text } = await call(url, init)
    if (status !== 200) {
      const refusal = refusalIn(text)
      const said = refusal ?? 'no reason given'
      throw new AgentError(codeOf(status, refusal), `${url} answered ${status}: ${said}`)
    }
    try {
      return schema.parse(JSON.parse(text))
    } catch (cause) {
      throw new AgentError(AgentCode.REFUSED, `${url} answered what is no answer`, { cause })
    }
  }

  const post = (body: object, { signal, traceparent }: CallOptions) => ({
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...authorization,
      ...(traceparent !== undefined && { traceparent: childOf(traceparent) }),
    },
    body: JSON.stringify(body),
    signal,
  })

  return {
    state: async (url, signal) =>
      await ask(`${url}/v1/state`, ServerState, { headers: authorization, signal }),
    apply: async (url, request, options) =>
      await ask(`${url}/v1/apply`, ApplyAnswer, post(request, options)),
    recycle: async (url, request, options) =>
      await ask(`${url}/v1/recycle`, ServerState, post(request, options)),
  }
}

/** Of an answer other than 200. An agent says in its own words why it refuses with a gateway's status. */
function codeOf(status: number, refusal: string | undefined): AgentCode {
  if (status === CONFLICT) return AgentCode.OUTDONE
  const isByGateway = refusal === undefined && BY_A_GATEWAY.has(status)
  return isByGateway ? AgentCode.LOST : AgentCode.REFUSED
}

async function readBounded(answer: Response): Promise<string> {
  if (answer.body === null) return ''
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of answer.body) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > ANSWER_BYTES_MAX) {
      throw new AgentError(AgentCode.REFUSED, `${answer.url} answered too much`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** An agent's own words; undefined where there are none, as in the page of a proxy. */
function refusalIn(text: string): string | undefined {
  try {
    return Refusal.parse(JSON.parse(text)).error.slice(0, MESSAGE_CHARACTERS_MAX)
  } catch {
    return undefined
  }
}
