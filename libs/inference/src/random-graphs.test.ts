// Graphs by chance, of many operations together: whatever engine runs one, the answers are TensorFlow's.

import { afterAll, expect, test } from 'vitest'
import { survey } from './random-judge.fixture.ts'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const GRAPHS = 40
const SEED = 6
/** A graph that is wrong is made simpler before it is told. */
const TEST_MS_MAX = 300_000

const tensorflow = startTensorflowHost()
const folder = await startFolder()

afterAll(async () => {
  await tensorflow[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test(
  'the same graphs by chance every time give in each engine what they give in TensorFlow',
  async () => {
    const { counts, fault } = await survey({ seed: SEED, graphs: GRAPHS }, { tensorflow, folder })

    expect(fault).toBeUndefined()
    expect(Math.min(counts.kernel * 2, counts.onnx / 4, counts.tensorflow / 6)).toBeGreaterThan(5)
  },
  TEST_MS_MAX,
)
