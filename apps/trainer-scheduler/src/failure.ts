import type { FailureClass } from '@drover/model-config'
import { ModelStoreCode, ModelStoreError } from '@drover/model-store'
import { TrainingError, TrainingErrorCode } from '@drover/training'

const REASON_CHARACTERS_MAX = 4_000

/** A run that cannot give a version, and what may be done about it. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure'
  readonly failure: FailureClass

  constructor(failure: FailureClass, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

/** How a training error is classed: what bad data gives again, what the program gives again, the rest. */
const CLASS_BY_CODE: Record<TrainingErrorCode, FailureClass> = {
  [TrainingErrorCode.BAD_DATA]: 'data',
  [TrainingErrorCode.CRASHED]: 'poison',
  [TrainingErrorCode.TIMEOUT]: 'poison',
  [TrainingErrorCode.BAD_OUTPUT]: 'poison',
  [TrainingErrorCode.CANCELLED]: 'transient',
  [TrainingErrorCode.TRANSIENT]: 'transient',
}

/**
 * Why a run failed, in the words of its record. `data` names the data that it read. Undefined for a
 * store that is away: then nothing is known of the run, and nothing can be recorded.
 */
export function failureOf(
  error: unknown,
  data: string,
): { failure: FailureClass; reason: string } | undefined {
  if (error instanceof RunFailure) return { failure: error.failure, reason: cut(error.message) }
  if (error instanceof TrainingError) {
    const failure = CLASS_BY_CODE[error.code]
    return {
      failure,
      reason: cut(failure === 'data' ? `${data}: ${error.message}` : error.message),
    }
  }
  if (!(error instanceof ModelStoreError)) {
    return { failure: 'transient', reason: 'the run was interrupted here; the log says by what' }
  }
  switch (error.code) {
    case ModelStoreCode.UNAVAILABLE:
      return undefined
    case ModelStoreCode.CORRUPT:
    case ModelStoreCode.NOT_FOUND:
      return { failure: 'data', reason: `${data}: it is not in the store as it was uploaded` }
    case ModelStoreCode.INVALID:
      return { failure: 'poison', reason: cut(`the output cannot be stored: ${error.message}`) }
  }
}

const cut = (text: string): string => text.slice(0, REASON_CHARACTERS_MAX)
