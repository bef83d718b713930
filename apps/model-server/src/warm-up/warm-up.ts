// Warm-up: a version answers the requests that it brings with it before it answers anybody else's.

import { join } from 'node:path'
import { IrregularFileError, type LoadedModel, readRegularFile } from '@drover/inference'
import {
  classify,
  decodePredictionLog,
  findPredictSignature,
  fitPredict,
  type Inferring,
  multiInfer,
  readTfRecords,
  regress,
  ServingError,
  WARM_UP_PATH,
  WARM_UP_RECORDS_MAX,
  type WarmUpRequest,
} from '@drover/serving-api'

const FILE_BYTES_MAX = 256 * 1024 * 1024
const SIGNATURE_DEFAULT = 'serving_default'

export interface WarmUpOptions {
  /** How often each request is run; 0 for no warm-up. */
  rounds: number
  /** How long one request may take. */
  timeoutMs: number
  checkMethodName: boolean
}

/**
 * Runs the requests of a version's `tf_serving_warmup_requests`, if it has any, one after the other.
 * Throws what the first one that fails throws, with its number; such a version is not to serve.
 */
export async function warmUp(
  loaded: Pick<LoadedModel, 'servable'>,
  directory: string,
  options: WarmUpOptions,
): Promise<void> {
  const file = options.rounds > 0 ? await readRecords(join(directory, WARM_UP_PATH)) : undefined
  if (file === undefined) return
  let count = 0
  for (const record of readTfRecords(file)) {
    if (++count > WARM_UP_RECORDS_MAX)
      throw new ServingError(
        'INVALID_ARGUMENT',
        `Number of warmup records exceeds the maximum (${WARM_UP_RECORDS_MAX}) at ${WARM_UP_PATH}`,
      )
    try {
      const request = decodePredictionLog(record)
      if (request === undefined) continue
      for (let round = 0; round < options.rounds; round++) await run(loaded, request, options)
    } catch (cause) {
      throw new ServingError('INVALID_ARGUMENT', `warm-up request ${count} failed`, { cause })
    }
  }
}

async function run(
  { servable }: Pick<LoadedModel, 'servable'>,
  asked: WarmUpRequest,
  { timeoutMs, checkMethodName }: WarmUpOptions,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  const model: Inferring = {
    checkMethodName,
    signatures: servable.signatures,
    run: ({ signature, inputs, outputs }) =>
      servable.run(signature, inputs, { outputs, deadlineMs }),
  }
  switch (asked.kind) {
    case 'predict': {
      const name = asked.request.spec?.signatureName || SIGNATURE_DEFAULT
      const signature = findPredictSignature(servable.signatures, name)
      const { inputs, outputs } = fitPredict(signature, asked.request, { checkMethodName })
      await servable.run(name, inputs, { deadlineMs, ...(outputs && { outputs }) })
      return
    }
    case 'classify':
    case 'regress': {
      const { spec, examples } = asked.request
      const input = { signatureName: spec?.signatureName ?? '', examples }
      await (asked.kind === 'classify' ? classify(model, input) : regress(model, input))
      return
    }
    case 'multi_inference':
      await multiInfer(model, asked.request)
  }
}

async function readRecords(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readRegularFile(path, FILE_BYTES_MAX)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    if (error instanceof IrregularFileError)
      throw new ServingError('INVALID_ARGUMENT', error.message, { cause: error })
    throw error
  }
}
