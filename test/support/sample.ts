// The sample's model, and how it is asked.

import { z } from 'zod'
import type { GrpcClient } from '../contract/grpc-client.ts'

export const MODEL = 'dfw.late'
export const ROW = { hour: 21, weekday: 'friday', distance: 500, destination: 'MCO' }

const ONE = { dim: [{ size: '1' }] }
const text = (value: string) => ({
  dtype: 'DT_STRING',
  tensorShape: ONE,
  stringVal: [Buffer.from(value).toString('base64')],
})
const number = (value: number) => ({ dtype: 'DT_FLOAT', tensorShape: ONE, floatVal: [value] })
const REQUEST = {
  modelSpec: { name: MODEL },
  inputs: {
    hour: number(ROW.hour),
    weekday: text(ROW.weekday),
    distance: number(ROW.distance),
    destination: text(ROW.destination),
  },
}
const Answer = z.object({
  outputs: z.object({ label: z.object({ stringVal: z.tuple([z.string()]) }) }),
})

/** The label that a server gives the row over gRPC. */
export async function labelByGrpc(client: GrpcClient): Promise<string> {
  const { outputs } = Answer.parse(await client.call('Predict', REQUEST))
  return Buffer.from(outputs.label.stringVal[0], 'base64').toString()
}
