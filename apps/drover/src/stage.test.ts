import { expect, test } from 'vitest'
import { isSettled, type ModelView, progressOf, stageOf } from './stage.ts'

const fresh: ModelView = {
  name: 'acme.late',
  due: true,
  running: false,
  newest: undefined,
  failure: undefined,
  verdict: undefined,
  pin: undefined,
  candidate: undefined,
  live: undefined,
  servedBy: { confirmed: 0, servers: 2, silent: 0 },
  elsewhere: undefined,
}
const servedBy = { confirmed: 2, servers: 2, silent: 0 }
const newest = { version: 3, at: '2026-11-22T12:00:00Z' }
const made = { ...fresh, due: false, newest }
const passed = { ...made, verdict: { pass: true, reason: 'beats the prior' } }

test.each<[string, ModelView, string, boolean]>([
  ['was declared', fresh, 'queued', false],
  ['is in a run', { ...fresh, running: true }, 'training', false],
  ['has a version that nobody judged', made, 'trained', false],
  ['passed and is in no config', passed, 'judged', false],
  ['is in the candidate', { ...passed, candidate: 3 }, 'published', false],
  ['is live and no server has it', { ...passed, candidate: 3, live: 3 }, 'published', false],
  ['is live', { ...passed, candidate: 3, live: 3, servedBy }, 'served', true],
  [
    'was refused by the gate',
    { ...made, verdict: { pass: false, reason: 'no' } },
    'rejected',
    true,
  ],
  ['is to be trained again', { ...passed, due: true, live: 3 }, 'queued', false],
  [
    'failed for good',
    { ...fresh, failure: { class: 'data', reason: 'row 7', final: true } },
    'failed',
    true,
  ],
  [
    'failed and will be tried again',
    { ...fresh, failure: { class: 'transient', reason: 'out of memory', final: false } },
    'queued',
    false,
  ],
])('the stage when a model %s', (_, view, stage, settled) => {
  const staged = stageOf(view)

  expect(staged.stage).toBe(stage)
  expect(isSettled(staged)).toBe(settled)
})

test('a fleet whose servers are not seen from here is believed by what is live there', () => {
  const { stage, note } = stageOf({ ...passed, candidate: 3, live: 3, elsewhere: 'eu' })

  expect({ stage, note }).toEqual({ stage: 'served', note: 'version 3 live in fleet eu' })
})

test('a refused version says that the one before is still served', () => {
  const { note } = stageOf({ ...made, verdict: { pass: false, reason: 'worse' }, live: 2 })

  expect(note).toBe('worse (version 2 is still served)')
})

test('who waits is told how it ends, and why by the result alone', () => {
  expect(progressOf({ stage: 'rejected', note: 'worse' })).toBe('rejected')
  expect(progressOf({ stage: 'published', note: 'version 3' })).toBe('published  version 3')
  expect(progressOf({ stage: 'training', note: '' })).toBe('training')
})

test('a model that is pinned to none says what serves it again', () => {
  expect(stageOf({ ...passed, pin: 'none' })).toEqual({
    stage: 'judged',
    note: 'pinned to none: drover release serves it',
  })
})
