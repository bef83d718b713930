import { setTimeout as delay } from 'node:timers/promises'
import type { ServerState } from '@drover/model-config'
import { AgentCode, AgentError, type Agents } from './agents.ts'

/** How long a look waits for a server that did not answer the last one. */
const SILENT_WAIT_MS = 20

export interface StatesOptions {
  agents: Agents
  /** Longest wait for the state of one server. */
  stateMs: number
  /** A server that had been silent answered after the look was over. */
  onReturn: () => void
}

/** What a server says of itself. `unclear`: it answers, but with no state; undefined: it is silent. */
export type Answer = ServerState | 'unclear' | undefined

/** Asks servers for their states, one question at a time to each. */
export function makeStates({ agents, stateMs, onReturn }: StatesOptions) {
  /** Silent servers with an open question, and those that answered it after the look. */
  const asking = new Set<string>()
  const returned = new Set<string>()

  async function ask(url: string): Promise<Answer> {
    try {
      return await agents.state(url, AbortSignal.timeout(stateMs))
    } catch (error) {
      const isLost = !(error instanceof AgentError) || error.code === AgentCode.LOST
      // Whatever keeps it from answering, the plan needs to know only that it did not.
      return isLost ? undefined : 'unclear'
    }
  }

  return {
    /**
     * A server that was silent at the last look is waited for only for a moment, so that it does
     * not slow down what is done with the others. One that answers late is waited for at the next.
     */
    async look(url: string, wasSilent: boolean): Promise<Answer> {
      if (!wasSilent || returned.delete(url)) return await ask(url)
      if (asking.has(url)) return undefined
      asking.add(url)
      let isOver = false
      const answer = ask(url).then((state) => {
        asking.delete(url)
        if (!isOver || state === undefined) return state
        returned.add(url)
        onReturn()
        return undefined
      })
      const over = delay(SILENT_WAIT_MS).then(() => {
        isOver = true
        return undefined
      })
      return await Promise.race([answer, over])
    },
  }
}
