import { z } from 'zod'
import { GoldenAnswers } from './golden.ts'

const Answered = GoldenAnswers.shape.requests.element

/** `POST /v1/run` on the model server's admin socket: one version answers one golden request. */
export const RunRequest = z.strictObject({
  name: z.string(),
  version: z.int().positive(),
  signature: Answered.shape.signature,
  inputs: Answered.shape.inputs,
})
export type RunRequest = z.output<typeof RunRequest>

/** Its answer. */
export const RunAnswer = z.strictObject({ outputs: Answered.shape.outputs })
export type RunAnswer = z.output<typeof RunAnswer>
