// Where tests keep the models that they write.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder of SavedModels; gone when it is disposed of. */
export async function startFolder() {
  const path = await mkdtemp(join(tmpdir(), 'drover-inference-'))
  return {
    path,
    /** Writes `saved_model.pb` into a new folder. */
    async add(bytes: Uint8Array): Promise<string> {
      const directory = await mkdtemp(join(path, 'model-'))
      await writeFile(join(directory, 'saved_model.pb'), bytes)
      return directory
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true })
    },
  }
}
