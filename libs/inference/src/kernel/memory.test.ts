import { expect, test } from 'vitest'
import { KernelMemory } from './memory.ts'

const MIB = 2 ** 20

test('models share a slab, and get another one when it is full', () => {
  const memory = new KernelMemory()

  const blocks = Array.from({ length: 9 }, () => memory.allocate(15 * MIB))

  expect(new Set(blocks.slice(0, 4).map(({ slab }) => slab.id)).size).toBe(1)
  expect(memory.slabs).toBe(3)
  expect(memory.usedBytes).toBe(9 * 15 * MIB)
})

test('a large model has a slab of its own', () => {
  const memory = new KernelMemory()
  const [small, large] = [memory.allocate(MIB), memory.allocate(100 * MIB)]

  expect(large.slab.id).not.toBe(small.slab.id)
  expect(large.slab.memory.buffer.byteLength).toBeGreaterThanOrEqual(large.at + 100 * MIB)

  memory.free(large)
  expect(memory.slabs).toBe(1)
})

test('of slabs that are empty one stays', () => {
  const memory = new KernelMemory()
  const blocks = Array.from({ length: 12 }, () => memory.allocate(15 * MIB))

  for (const block of blocks) memory.free(block)

  expect(memory.slabs).toBe(1)
  expect(memory.usedBytes).toBe(0)
})

test('memory that was given back is used again', () => {
  const memory = new KernelMemory()
  const first = memory.allocate(MIB)
  memory.allocate(MIB)
  memory.free(first)

  const again = memory.allocate(MIB)

  expect([again.slab.id, again.at]).toEqual([first.slab.id, first.at])
})
