// What is told of ONNX models before they run is so where numbers are infinite or none, or not there.

import { expect, test } from 'vitest'
import { expectAsTold } from './foretold.fixture.ts'
import { extremes } from './sample-extremes.ts'
import { cases } from './sample-operations.ts'

test('operations at their limits are as large as it is told', async () => {
  expect(await expectAsTold(extremes(cases))).toBeGreaterThan(100)
}, 60_000)
