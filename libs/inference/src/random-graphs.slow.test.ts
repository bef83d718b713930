// Many graphs by chance, the same ones every time unless told otherwise: see random-settings.fixture.ts.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { survey } from './random-judge.fixture.ts'
import { settingsOr, TEST_MS_MAX } from './random-settings.fixture.ts'

const { seed, graphs } = settingsOr(process.env, [11, 300])

const { tensorflow, folder } = await startAround()

test(
  `graphs by chance give in each engine what they give in TensorFlow: seed ${seed}`,
  async () => {
    const { counts, fault } = await survey({ seed, graphs }, { tensorflow, folder })

    expect(fault).toBeUndefined()
    expect(Math.min(counts.kernel, counts.onnx)).toBeGreaterThan(graphs / 20)
  },
  TEST_MS_MAX,
)
