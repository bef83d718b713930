import { type Culprit, type Models, sha256 } from '@drover/model-config'
import { expect, test } from 'vitest'
import { answerOf, makeMemory } from './memory.ts'
import { report } from './observe.ts'
import { openDiskState } from './state/disk-state.ts'
import { startFolder } from './test-support/server.ts'

const MODELS = 3_000
const ref = { sha: sha256('config'), seq: 5 }
const names = Array.from({ length: MODELS }, (_, at) => `acme.m${at}`)
const failed = names
  .slice(1)
  .map((name): Culprit => ({ name, version: 2, digest: sha256(name), reason: 'x'.repeat(1_000) }))
const models: Models = Object.fromEntries(
  names.map((name) => [name, { born: 1, versions: [], labels: {} }]),
)

test('a server on which thousands of models fail names some of them and counts the rest', async () => {
  await using folder = await startFolder()
  const disk = await openDiskState(folder.path, () => {})
  const memory = makeMemory(new Date(), disk.value, undefined)
  const drifting = new Set(names)
  memory.confirmed = { ref, models, objects: [], failed, drifting, confirmedAt: 0 }

  const state = report(memory, disk, 'nowhere')
  const answer = answerOf(memory.confirmed)

  expect([state.failed.length, state.failedMore]).toEqual([1_000, MODELS - 1_001])
  expect([state.drifting.length, state.driftingMore]).toEqual([1_000, MODELS - 1_000])
  expect(state.failed[0]).toMatchObject({ name: 'acme.m1', reason: 'x'.repeat(200) })
  expect(answer).toMatchObject({ ...ref, applied: 1, failedMore: MODELS - 1_001 })
  expect(answer?.failed).toEqual(state.failed)
})
