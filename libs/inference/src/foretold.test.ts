// What is told of ONNX models before they run is so when they have run.

import { expect, test } from 'vitest'
import { expectAsTold } from './foretold.fixture.ts'
import { imageCases } from './sample-images.ts'
import { cases } from './sample-operations.ts'

test.each([
  ['operations', cases],
  ['operations on images', imageCases],
])('%s are as large as it is told', async (_, all) => {
  expect(await expectAsTold(all)).toBeGreaterThan(100)
})
