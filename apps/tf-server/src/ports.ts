import type { ModelStore } from '@drover/model-store'
import type { Log } from '@drover/service'
import type { ApplyPorts } from './apply.ts'
import type { Memory } from './memory.ts'
import type { Pulse } from './serve/watchdog.ts'
import type { Starter } from './serve/model-server.ts'
import type { DiskStateFile } from './state/disk-state.ts'

/** What the actions of an agent work with. */
export interface Ports extends ApplyPorts {
  memory: Memory
  disk: DiskStateFile
  store: ModelStore
  starter: Starter
  log: Log
  /** What of the machine's memory, or of the part that is allowed to this process, is free. */
  availableBytes: () => number
  /** How it is noticed that the model server hangs. */
  pulse: Pulse
  /** See `TfServerOptions`. */
  stopWaitMs: number
  /** Wait after a failed try of its own. */
  backoffMs: number
  /** Asks the agent's loop to look again, now or after some time. */
  nudge: (afterMs?: number) => void
  /** Asks for a look at the channel now. */
  nudgeLook: () => void
  /** Aborted when the agent stops. */
  stop: AbortSignal
}
