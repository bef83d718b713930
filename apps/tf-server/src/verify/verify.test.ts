import { InferenceError, InferenceErrorCode } from '@drover/inference'
import { expect, test } from 'vitest'
import { verifyInProbe } from './verify.ts'

const VERSION = { directory: '/versions/1', engine: 'tensorflow' } as const

/** What becomes of each failure of a probe. One that blames the version leaves all others alone. */
const BLAMES: Readonly<Record<InferenceErrorCode, boolean>> = {
  LOAD_FAILED: true,
  UNTRANSLATABLE: true,
  INVALID_INPUT: true,
  RUN_FAILED: true,
  CRASHED: true,
  TIMEOUT: true,
  NOT_SET_UP: true,
  UNAVAILABLE: false,
}

test.each(Object.values(InferenceErrorCode))('%s of a probe blames whom it may', async (code) => {
  const check = async () => await Promise.reject(new InferenceError(code, 'for a test'))

  const verified = verifyInProbe({ check }, VERSION, undefined)

  const expected = BLAMES[code] ? 'FAULT' : 'IMPAIRED'
  await expect(verified).rejects.toMatchObject({ code: expected })
})
