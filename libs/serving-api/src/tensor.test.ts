import { expect, test } from 'vitest'
import { stringTensor, textsOf } from './tensor.ts'

test.each(['\ufeffhello', '\ufeff', 'a\ufeffb', '', 'größe'])(
  '%j is a text like any other',
  (text) => {
    expect(textsOf(stringTensor([text]))).toEqual([text])
  },
)
