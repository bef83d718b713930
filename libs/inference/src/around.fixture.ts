// What the tests of a file have around them: a real TensorFlow, and a folder for the models that they write.

import { afterAll } from 'vitest'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

/** To be called once in a file; both are gone after its tests. */
export async function startAround(options?: Parameters<typeof startTensorflowHost>[0]) {
  const tensorflow = startTensorflowHost(options)
  const folder = await startFolder()
  afterAll(async () => {
    await tensorflow[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
  return { tensorflow, folder }
}
