import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type GraphDef, writeSavedModel } from '@drover/saved-model'
import {
  encodeTensors,
  GOLDEN_PATH,
  type GoldenRequests,
  type SignatureDef,
  type Tensor,
} from '@drover/serving-api'
import { TrainingError } from './errors.ts'
import { SAVED_MODEL_FILE } from './output.ts'
import { bestOf } from './quality.ts'

/** Rows that are looked at to find golden ones. */
export const CANDIDATES_MAX = 500
const ROWS_MAX = 6
/** PROTOCOL 8: by how much the best class leads, so that rounding never changes the label. */
const MARGIN_MIN = 1e-3

/** Whether the answer's label stands against small differences. */
export function isClear(scores: ArrayLike<number>): boolean {
  const best = bestOf(scores)
  const others = Array.from(scores).filter((_, index) => index !== best)
  return (scores[best] ?? NaN) - Math.max(...others) >= MARGIN_MIN
}

/** A few rows with clear answers, of as many different classes as there are. */
export function chooseGolden<Row>(
  candidates: readonly Row[],
  scoresOf: (row: Row) => ArrayLike<number>,
): Row[] {
  const clear = candidates
    .map((row) => ({ row, scores: scoresOf(row) }))
    .filter(({ scores }) => isClear(scores))
    .map(({ row, scores }) => ({ row, best: bestOf(scores) }))
  const firsts = clear.filter(
    ({ best }, at) => clear.findIndex((each) => each.best === best) === at,
  )
  const chosen = new Set([...firsts, ...clear].slice(0, ROWS_MAX))
  for (const each of clear) if (chosen.size < ROWS_MAX) chosen.add(each)
  return Array.from(chosen, ({ row }) => row)
}

/** Writes a version's files into a folder: the model, and what it must answer to be served. */
export async function writeVersion(
  directory: string,
  model: { graph: GraphDef; signatures: Record<string, SignatureDef> },
  requests: readonly Readonly<Record<string, Tensor>>[],
): Promise<void> {
  const golden: GoldenRequests = {
    format: 1,
    requests: requests.map((inputs) => ({
      signature: 'serving_default',
      inputs: encodeTensors(inputs),
    })),
  }
  const path = join(directory, GOLDEN_PATH)
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, JSON.stringify(golden))
    await writeFile(join(directory, SAVED_MODEL_FILE), writeSavedModel(model))
  } catch (cause) {
    throw new TrainingError('TRANSIENT', 'the output cannot be written', { cause })
  }
}
