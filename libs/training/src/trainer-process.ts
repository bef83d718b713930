// The process in which the recipes run: loads TensorFlow ahead, trains one model at a time, and
// ends with its parent.

import tf from '@tensorflow/tfjs-node'
import { TrainingError } from './errors.ts'
import { Distinct } from './labels.ts'
import { type TrainAnswer, TrainMessage } from './messages.ts'
import { fitTabular, type Trained, trainTabular } from './tabular.ts'
import { trainText } from './text.ts'

const CAUSE_CHARACTERS_MAX = 2_000
const WARM_UP_ROWS = 64

function send(message: TrainAnswer): void {
  process.send?.(message)
}

async function train({ recipe, dataPath, outputDirectory }: TrainMessage): Promise<Trained> {
  switch (recipe.name) {
    case 'tabular-classifier':
      return await trainTabular(recipe, dataPath, outputDirectory)
    case 'text-classifier':
      return await trainText(recipe, dataPath, outputDirectory)
    case 'command':
    case 'push':
      throw new TypeError(`the recipe ${recipe.name} does not train here`)
  }
}

async function answer(message: unknown): Promise<void> {
  const request = TrainMessage.parse(message)
  try {
    send({ kind: 'done', id: request.id, ...(await train(request)) })
  } catch (error) {
    send({ kind: 'failed', id: request.id, ...failureOf(error) })
  }
}

function failureOf(error: unknown) {
  const isKnown = error instanceof TrainingError
  const origin = isKnown ? error.cause : error
  const cause = origin instanceof Error ? (origin.stack ?? origin.message) : undefined
  return {
    code: isKnown ? error.code : 'CRASHED',
    message: isKnown ? error.message : 'the recipe failed',
    ...(cause === undefined ? {} : { cause: cause.slice(0, CAUSE_CHARACTERS_MAX) }),
  } as const
}

/** The first training of a process would pay for what later ones find compiled. */
async function warmUp(): Promise<void> {
  await tf.ready()
  const distinct = new Distinct()
  const rows = Array.from({ length: WARM_UP_ROWS }, (_, row) => row)
  const numbers = rows.map((row) => distinct.numberOf(`${row % 5}`))
  await fitTabular({
    columns: new Map([
      ['category', { type: 'category', numbers, distinct }],
      ['number', { type: 'number', values: rows }],
    ]),
    labels: ['a', 'b'],
    classOf: Int32Array.from(rows, (row) => (row % 3 === 0 ? 1 : 0)),
    folds: Uint8Array.from(rows, (row) => row % 5),
  })
}

process.once('disconnect', () => process.exit(0))
await warmUp()
// What cannot be parsed is a mistake of this lib: the process ends and the parent says so.
process.on('message', (message) => void answer(message))
send({ kind: 'ready' })
