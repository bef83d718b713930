import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDiskState } from './disk-state.ts'

const ref = (seq: number) => ({ sha: 'a'.repeat(64), seq })

async function startState() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-state-'))
  const damaged: unknown[] = []
  return {
    folder,
    damaged,
    open: async () => await openDiskState(folder, (error) => damaged.push(error)),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true }),
  }
}

test('what was written is there after a restart', async () => {
  await using state = await startState()
  const first = await state.open()
  await first.update({ fence: 7, recycles: 2 })
  await first.sawLive(ref(3), new Date('2026-11-22T12:00:00Z'))

  const second = await state.open()

  expect(second.value).toEqual({ format: 1, fence: 7, recycles: 2 })
  expect(second.seenLive).toMatchObject({ ref: ref(3), at: '2026-11-22T12:00:00.000Z' })
})

test('notes that are written at once do not tear each other', async () => {
  await using state = await startState()
  const file = await state.open()
  const seqs = Array.from({ length: 50 }, (_, index) => index + 1)

  await Promise.all(
    seqs.map(async (seq) => await file.sawLive(ref(seq), new Date('2026-11-22T12:00:00Z'))),
  )

  expect((await state.open()).seenLive).toMatchObject({ ref: ref(50) })
  expect(file.seenLive).toMatchObject({ ref: ref(50) })
  expect(state.damaged).toEqual([])
})

test('an apply that never ended is what the server ended under', async () => {
  await using state = await startState()
  await (await state.open()).update({ applying: ref(3) })

  const { value } = await state.open()

  expect(value).toMatchObject({ endedUnder: ref(3) })
  expect(value.applying).toBeUndefined()
})

test('an apply that ended leaves no note', async () => {
  await using state = await startState()
  const first = await state.open()
  await first.update({ applying: ref(3) })
  await first.settle(['applying'], { confirmed: { ...ref(3), failed: [], kept: {} } })

  const { value } = await state.open()

  expect(value).toMatchObject({ confirmed: ref(3) })
  expect(value.endedUnder).toBeUndefined()
})

test('a damaged file is put aside, and told of', async () => {
  await using state = await startState()
  await writeFile(join(state.folder, 'state.json'), '{"format":1,"fen')

  const { value } = await state.open()

  expect(value).toEqual({ format: 1, fence: 0, recycles: 0 })
  expect(state.damaged).toHaveLength(1)
  expect(await readdir(state.folder)).toEqual(['state.json.damaged'])
})
