/** Why a training gave no version. */
export const TrainingErrorCode = {
  /** The data cannot be trained on; the message names the row or the column. */
  BAD_DATA: 'BAD_DATA',
  /** The recipe or the command failed by itself, and would again. */
  CRASHED: 'CRASHED',
  /** It took longer than it may. */
  TIMEOUT: 'TIMEOUT',
  /** The caller's signal ended it. */
  CANCELLED: 'CANCELLED',
  /** What it wrote is not what a version may hold; the message names the file. */
  BAD_OUTPUT: 'BAD_OUTPUT',
  /** Something around it failed; the same training may work another time. */
  TRANSIENT: 'TRANSIENT',
} as const
export type TrainingErrorCode = keyof typeof TrainingErrorCode

/** The one expected failure of this lib; switch on `code`. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError'
  readonly code: TrainingErrorCode

  constructor(code: TrainingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
