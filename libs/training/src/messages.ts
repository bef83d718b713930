import { Quality, Recipe } from '@drover/model-config'
import { z } from 'zod'
import { TrainingErrorCode } from './errors.ts'

/** What the trainer asks of its process. */
export const TrainMessage = z.strictObject({
  id: z.int(),
  recipe: Recipe,
  dataPath: z.string(),
  outputDirectory: z.string(),
})
export type TrainMessage = z.output<typeof TrainMessage>

/** What the process answers: once that it is warm, then once for each training. */
export const TrainAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('done'), id: z.int(), quality: Quality }),
  z.strictObject({
    kind: z.literal('failed'),
    id: z.int(),
    code: z.enum(TrainingErrorCode),
    message: z.string(),
    /** What the error goes back to, as text. */
    cause: z.string().optional(),
  }),
])
export type TrainAnswer = z.output<typeof TrainAnswer>

/** What the guard of a command reports: how the command ended, or that it could not be started. */
export const GuardAnswer = z.union([
  z.strictObject({ code: z.int().nullable(), signal: z.string().nullable() }),
  z.strictObject({ error: z.string() }),
])
export type GuardAnswer = z.output<typeof GuardAnswer>
