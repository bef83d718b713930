// Each operation on images on its own, against TensorFlow: one model with a signature for each case.

import { compareAnswers, TOLERANCE } from '@drover/serving-api'
import { beforeAll, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { imageCases } from './sample-images.ts'
import { channelsKnown, inputsOf, nameOf, singleModel } from './sample-single.ts'
import type { Servable } from './servable.ts'

const { tensorflow, folder } = await startAround()
let truths: Servable
let onnx: Servable

beforeAll(async () => {
  const directory = await folder.add(
    singleModel(imageCases, (operand, at) => (at === 1 ? operand.shape : channelsKnown(operand))),
  )
  truths = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  onnx = await loadServable(directory, { engine: 'onnx', tensorflow })
})

test.each(imageCases.map((each, index) => [nameOf(each, index), each] as const))(
  '%s gives what TensorFlow gives',
  async (name, each) => {
    const inputs = inputsOf(each)
    const expected = await truths.run(name, inputs)

    const { agreement, reason } = compareAnswers(
      expected,
      await onnx.run(name, inputs),
      TOLERANCE.engines,
    )

    expect(reason ?? agreement).toBe('agrees')
  },
)
