import type { Channel } from '@drover/model-config'
import { planGate, planPublication, planRollback } from '@drover/config-publisher'
import { decide } from '@drover/restarter'
import { plan as planAgent } from '@drover/tf-server'
import { plan as planTraining } from '@drover/trainer-scheduler'
import type { Fleet } from './fleet.ts'
import type { Fate } from './world.ts'

/** Everything that decides, so that a mutation can take the place of one. */
export interface Plans {
  train: typeof planTraining
  judge: typeof planGate
  /** What the gate's checks find. */
  passes: (fate: Fate) => boolean
  publish: typeof planPublication
  rollback: typeof planRollback
  /** The channel that a computed candidate is swapped against. */
  against: (fleet: Fleet, read: Channel) => Channel
  decide: typeof decide
  agent: typeof planAgent
  /** Whether an agent that has heard a fence still obeys another. */
  obeys: (fence: number, heard: number) => boolean
}

/** The plans as the apps run them. */
export const REAL: Plans = {
  train: planTraining,
  judge: planGate,
  passes: ({ gate }) => gate,
  publish: planPublication,
  rollback: planRollback,
  against: (_fleet, read) => read,
  decide,
  agent: planAgent,
  obeys: (fence, heard) => fence >= heard,
}
