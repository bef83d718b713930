// Many graphs by chance, the same ones every time unless told otherwise: see random-settings.fixture.ts.

import { afterAll, expect, test } from 'vitest'
import { survey } from './random-judge.fixture.ts'
import { settingsOr, TEST_MS_MAX } from './random-settings.fixture.ts'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const { seed, graphs } = settingsOr(process.env, [11, 300])

const tensorflow = startTensorflowHost()
const folder = await startFolder()

afterAll(async () => {
  await tensorflow[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test(
  `graphs by chance give in each engine what they give in TensorFlow: seed ${seed}`,
  async () => {
    const { counts, fault } = await survey({ seed, graphs }, { tensorflow, folder })

    expect(fault).toBeUndefined()
    expect(Math.min(counts.kernel, counts.onnx)).toBeGreaterThan(graphs / 20)
  },
  TEST_MS_MAX,
)
