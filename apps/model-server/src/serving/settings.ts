import type { GrpcSettings } from '../grpc/port.ts'
import type { Limits } from '../limits.ts'
import type { RestSettings } from '../rest/port.ts'

/** What a serving thread is told once, at its start; it crosses threads, so it is plain values alone. */
export interface ServingSettings {
  rest: RestSettings
  grpc: GrpcSettings
  /** Whether the ports also change what is served and reveal it; see `Flags`. */
  isSinglePort: boolean
  limits: Limits
  logLevel: string
  /** How long the control thread may take to answer a reload. */
  reloadMsMax: number
}
