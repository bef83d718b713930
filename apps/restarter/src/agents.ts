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
/** What a proxy answers for an agent that it cannot reach. */
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
  /** Of an HTTP answer other than 200. */
  readonly status: number | undefined

  constructor(
    code: AgentCode,
    message: string,
    { status, ...options }: ErrorOptions & { status?: number } = {},
  ) {
    super(message, options)
    this.code = code
    this.status = status
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
      const code = status === CONFLICT ? AgentCode.OUTDONE : AgentCode.REFUSED
      throw new AgentError(code, `${url} answered ${status}: ${refusalIn(text)}`, { status })
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
    state: async (url, signal) => {
      try {
        return await ask(`${url}/v1/state`, ServerState, { headers: authorization, signal })
      } catch (error) {
        if (!(error instanceof AgentError) || !BY_A_GATEWAY.has(error.status ?? 0)) throw error
        throw new AgentError(AgentCode.LOST, `${url} cannot be reached`, { cause: error })
      }
    },
    apply: async (url, request, options) =>
      await ask(`${url}/v1/apply`, ApplyAnswer, post(request, options)),
    recycle: async (url, request, options) =>
      await ask(`${url}/v1/recycle`, ServerState, post(request, options)),
  }
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

function refusalIn(text: string): string {
  try {
    return Refusal.parse(JSON.parse(text)).error.slice(0, MESSAGE_CHARACTERS_MAX)
  } catch {
    // A proxy's page, say. The status alone says what the plan needs.
    return 'no reason given'
  }
}
