// A list of models on its way to the control thread, a part at a time: to unpack ten thousand models in
// one go would hold up all that it does.

import { randomUUID } from 'node:crypto'
import type { ModelServerConfig, ModelServerModel } from '@drover/model-config'
import { ServingError } from '@drover/serving-api'
import type { Channel } from '../threads/channel.ts'
import type { ControlProtocol } from './messages.ts'

/** Models in one message: about a millisecond for either side. */
const PART_MODELS = 500
/** Lists of which some parts are there; beyond it the oldest is forgotten, as one that will never be whole. */
const LISTS_MAX = 64

/** A list that was sent. */
export interface SentModels {
  list: string
  count: number
}

/** Sends a list of models; resolves with what `take` finds them by. */
export async function sendModels(
  models: readonly ModelServerModel[],
  control: Channel<ControlProtocol>,
): Promise<SentModels> {
  const list = randomUUID()
  for (let at = 0; at < models.length; at += PART_MODELS)
    await control.ask('models', { list, models: models.slice(at, at + PART_MODELS) })
  return { list, count: models.length }
}

/** What has come of lists. */
export class ReloadParts {
  readonly #lists = new Map<string, ModelServerModel[]>()

  add(list: string, models: readonly ModelServerModel[]): void {
    const known = this.#lists.get(list)
    if (known !== undefined) {
      known.push(...models)
      return
    }
    this.#lists.set(list, [...models])
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > LISTS_MAX && oldest !== undefined) this.#lists.delete(oldest)
  }

  /** The config with its models. Throws UNAVAILABLE when not all of them are there any more. */
  take({ sent, config }: { sent: SentModels; config: ModelServerConfig }): ModelServerConfig {
    const models = this.#lists.get(sent.list) ?? []
    this.#lists.delete(sent.list)
    if (models.length !== sent.count)
      throw new ServingError('UNAVAILABLE', 'Too many lists of models came at once')
    return { ...config, models }
  }
}
