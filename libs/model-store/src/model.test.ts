import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { describeModel } from './model.fixture.ts'
import { openPosixStore } from './posix.ts'

let folder: string
let stores = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-model-'))
})

afterAll(async () => await rm(folder, { recursive: true }))

describeModel(async () => await openPosixStore(join(folder, `store-${stores++}`)))
