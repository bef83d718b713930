import { type ConfigRef, type Culprit, type ServerState, sha256 } from '@drover/model-config'
import type { Command } from '../observed.ts'

/** What a config does to the servers that run it. */
export type Quality = 'good' | 'bad' | 'deadly'

export const START = Date.parse('2026-01-01T00:00:00Z')
export const CULPRIT: Culprit = {
  name: 'a.b',
  version: 7,
  digest: sha256('bad'),
  reason: 'wrong answer',
}

export interface Message {
  from: string
  url: string
  command: Command
}

export interface SimulatedServer {
  url: string
  isUp: boolean
  isCutOff: boolean
  lives: number
  recycles: number
  servingSince: number
  fence: number
  config: ConfigRef | undefined
  failed: Culprit[]
  work: { kind: 'apply' | 'recycle'; config: ConfigRef; message: Message } | undefined
}

export function newServer(index: number): SimulatedServer {
  return {
    url: `http://server-${index}`,
    isUp: true,
    isCutOff: false,
    lives: 1,
    recycles: 1,
    servingSince: START,
    fence: 0,
    config: undefined,
    failed: [],
    work: undefined,
  }
}

/** What a server says of itself; nothing while it cannot be reached. */
export function stateOf(server: SimulatedServer): ServerState | undefined {
  if (!server.isUp || server.isCutOff) return undefined
  const { url, work, config, failed, fence, recycles } = server
  return {
    format: 1,
    server: url,
    ready: work?.kind !== 'recycle',
    ...(config && { config }),
    ...(work?.kind === 'apply' && { applying: work.config }),
    fence,
    failed,
    models: 1,
    drifting: [],
    startedAt: new Date(START + server.lives).toISOString(),
    servingSince: new Date(server.servingSince).toISOString(),
    recycles,
    canRecycle: true,
    stopping: false,
    residentBytes: 1,
    restUrl: url,
  }
}
