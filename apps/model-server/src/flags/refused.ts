import { ServingError } from '@drover/serving-api'

/** The error of flags with which the server does not start. */
export const refused = (message: string): ServingError =>
  new ServingError('INVALID_ARGUMENT', message)
