// Operations on strings are answered as TensorFlow answers them, and refused where it refuses them.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { crossCases } from './sample-crosses.ts'
import { faultsOf, partsOf } from './sample-faults.ts'
import { patternCases } from './sample-patterns.ts'
import { singleModel } from './sample-single.ts'
import { stringCases } from './sample-strings.ts'
import { textNumberCases } from './sample-text-numbers.ts'

const { tensorflow, folder } = await startAround()

test.each(
  partsOf([...crossCases, ...patternCases, ...stringCases, ...textNumberCases]).map(
    (part, index) => [index, part] as const,
  ),
)(
  'strings are what TensorFlow makes of them, part %i',
  async (_, part) => {
    expect(await faultsOf(part, singleModel(part), { folder, tensorflow })).toEqual([])
  },
  180_000,
)
