import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { WARM_UP_PATH } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { warmUp } from './warm-up.ts'

const options = { rounds: 1, timeoutMs: 1_000, checkMethodName: false }

test('requests that are a pipe fail the load, and are waited for by nobody', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-warm-up-'))
  const path = join(folder, WARM_UP_PATH)
  await mkdir(dirname(path), { recursive: true })
  execFileSync('mkfifo', [path])
  const loaded = {
    get servable(): never {
      throw new Error('nothing is to be run')
    },
  }

  await expect(warmUp(loaded, folder, options)).rejects.toThrow('is no regular file')

  await rm(folder, { recursive: true })
})
