// Graphs by chance, of many operations together: whatever engine runs one, the answers are TensorFlow's.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { survey } from './random-judge.fixture.ts'

const GRAPHS = 40
const SEED = 6
/** A graph that is wrong is made simpler before it is told. */
const TEST_MS_MAX = 300_000

const { tensorflow, folder } = await startAround()

test(
  'the same graphs by chance every time give in each engine what they give in TensorFlow',
  async () => {
    const { counts, fault } = await survey({ seed: SEED, graphs: GRAPHS }, { tensorflow, folder })

    expect(fault).toBeUndefined()
    expect(Math.min(counts.kernel * 2, counts.onnx / 4, counts.tensorflow / 6)).toBeGreaterThan(5)
  },
  TEST_MS_MAX,
)
