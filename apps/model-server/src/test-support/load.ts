import { request } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { reasonOf } from '@drover/basics'

/** What a load saw: how many answers were right, and what went wrong. */
export interface Tally {
  right: number
  failures: string[]
}

export interface LoadOptions {
  url: string
  /** Clients that keep their connections, and clients that connect anew each time. */
  keeping: number
  connecting: number
  /** What a client waits between an answer and its next request; 0 unless told. */
  pauseMs?: number
  /** Whether a body is a right answer. */
  isRight: (body: string) => boolean
}

const BODY = '{"instances":[1.0,2.0,5.0]}'

/** Sends predict requests until it is stopped. */
export function startLoad({ url, keeping, connecting, pauseMs = 0, isRight }: LoadOptions) {
  const tally: Tally = { right: 0, failures: [] }
  const stopping = new AbortController()

  async function work(ask: (url: string) => Promise<string>): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const answer = await ask(url)
        if (isRight(answer)) tally.right++
        else tally.failures.push(answer)
      } catch (error) {
        tally.failures.push(reasonOf(error))
      }
      if (pauseMs > 0) await setTimeout(pauseMs)
    }
  }

  const workers = [
    ...Array.from({ length: keeping }, async () => await work(askKeeping)),
    ...Array.from({ length: connecting }, async () => await work(askConnecting)),
  ]
  return {
    tally,
    stop: async (): Promise<Tally> => {
      stopping.abort()
      await Promise.all(workers)
      return tally
    },
  }
}

async function askKeeping(url: string): Promise<string> {
  const response = await fetch(url, { method: 'POST', body: BODY })
  return await response.text()
}

async function askConnecting(url: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.once('end', () => resolve(text))
      response.once('error', reject)
    })
    sent.once('error', reject)
    sent.end(BODY)
  })
}
