import { z } from 'zod'

/** What the load is to do. */
export const Job = z.object({
  kind: z.enum(['http', 'grpc']),
  port: z.int(),
  /** `{}` in it becomes the number of a model. */
  path: z.string(),
  /** So many models take turns. */
  models: z.int().min(1).default(1),
  /** A GET without it. */
  bodyFile: z.string().optional(),
  connections: z.int().min(1),
  requests: z.int().min(1),
  /** As fast as they are answered, unless told. */
  perSecond: z.number().optional(),
})
export type Job = z.output<typeof Job>

/** A connection that has one request at a time. */
export interface Connection {
  /** Sends a request; its index chooses the model. Tells whether it was answered well. */
  ask(index: number, done: (isGood: boolean) => void): void
}
