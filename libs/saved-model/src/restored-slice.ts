// Which part of a variable a restore operation reads, as its text says it: `10 4 0,3:-` is rows 0 to 2,
// in all their columns, of a matrix of 10 x 4.

import { ALL, type Extent } from './bundle/index.ts'

const NUMBER = /^\d{1,15}$/

/** Undefined for what is no such text, and for a part that does not lie within its variable. */
export function readSlice(text: string): { shape: number[]; extents: Extent[] } | undefined {
  const words = text.split(' ')
  const parts = (words.pop() ?? '').split(':')
  if (words.length !== parts.length || !words.every((word) => NUMBER.test(word))) return undefined
  const shape = words.map(Number)
  const extents = parts.flatMap((part, axis) => extentOf(part, shape[axis] ?? 0) ?? [])
  return extents.length === shape.length ? { shape, extents } : undefined
}

function extentOf(part: string, size: number): Extent | undefined {
  if (part === '-') return { start: 0, length: ALL }
  const [start, length, ...more] = part.split(',')
  if (start === undefined || length === undefined || more.length > 0) return undefined
  if (!NUMBER.test(start) || !NUMBER.test(length)) return undefined
  const extent = { start: Number(start), length: Number(length) }
  return extent.length > 0 && extent.start + extent.length <= size ? extent : undefined
}
