import { EventEmitter, once } from 'node:events'
import {
  Health as HealthService,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
  HealthCheckResponseSchema,
  ServingError,
} from '@drover/serving-api'
import { decode, encode, pathOf, unaryOf } from './messages.ts'
import type { Method } from './server.ts'
import { unreadable } from './status.ts'

/** Upstream sets them under their short names; the full ones are what clients look for. */
const SERVICES = [
  '',
  'ModelService',
  'PredictionService',
  'tensorflow.serving.ModelService',
  'tensorflow.serving.PredictionService',
]

/** `grpc.health.v1.Health` of a server of which all services answer, or none. */
export class Health {
  readonly #changes = new EventEmitter().setMaxListeners(0)
  #status: Status = Status.NOT_SERVING

  /** Tells those that watch as well. */
  setServing(isServing: boolean): void {
    this.#status = isServing ? Status.SERVING : Status.NOT_SERVING
    this.#changes.emit('change')
  }

  /** What it answers, by path. */
  methods(): [string, Method][] {
    const { check, list, watch } = HealthService.method
    const answerCheck = unaryOf(check, ({ service }) => {
      const status = this.#statusOf(service)
      if (status === undefined) throw new ServingError('NOT_FOUND', `unknown service ${service}`)
      return { status }
    })
    const answerList = unaryOf(list, () => ({
      statuses: Object.fromEntries(SERVICES.map((name) => [name, { status: this.#status }])),
    }))
    return [
      [pathOf(check), { kind: 'unary', answer: answerCheck }],
      [pathOf(list), { kind: 'unary', answer: answerList }],
      [
        pathOf(watch),
        { kind: 'streaming', answer: (messages, signal) => this.#watch(messages, signal) },
      ],
    ]
  }

  async *#watch(messages: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { service } = await firstOf(messages)
    let told: Status | undefined
    while (!signal.aborted) {
      const status = this.#statusOf(service) ?? Status.SERVICE_UNKNOWN
      if (status === told) await this.#change(signal)
      else yield encode(HealthCheckResponseSchema, { status })
      told = status
    }
  }

  /** Resolves at the next change, or when nobody waits for it any more. */
  async #change(signal: AbortSignal): Promise<void> {
    try {
      await once(this.#changes, 'change', { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #statusOf(service: string): Status | undefined {
    return SERVICES.includes(service) ? this.#status : undefined
  }
}

async function firstOf(messages: AsyncIterable<Buffer>) {
  for await (const message of messages) return decode(HealthCheckRequestSchema, message)
  throw unreadable('The call ended before its message')
}
