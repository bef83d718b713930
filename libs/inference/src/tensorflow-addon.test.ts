import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startFolder } from './sample-folder.ts'
import { unloaded } from './tensorflow-addon.ts'

function thrownBy(load: () => unknown): unknown {
  try {
    load()
  } catch (error) {
    return error
  }
  throw new Error('it was loaded')
}

describe('an addon that cannot be loaded', () => {
  test('is not set up where it is not there, and else may come', async () => {
    await using folder = await startFolder()
    const broken = join(folder.path, 'broken.node')
    await writeFile(broken, 'no library')
    const require = createRequire(import.meta.url)

    const missing = unloaded(thrownBy(() => require('@tensorflow/no-such-package')))
    const damaged = unloaded(thrownBy(() => require(broken)))

    expect(missing).toMatchObject({
      code: 'NOT_SET_UP',
      cause: { message: expect.stringContaining('npm run setup') },
    })
    expect(damaged).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('is not set up without a library of its own', () => {
    const message = 'libtensorflow.so.2: cannot open shared object file: No such file or directory'
    const cause = Object.assign(new Error(message), { code: 'ERR_DLOPEN_FAILED' })

    expect(unloaded(cause)).toMatchObject({ code: 'NOT_SET_UP' })
  })
})
