import { Traceparent } from '@drover/model-config'
import { expect, test } from 'vitest'
import { childOf, newTraceparent, traceIdOf } from './trace.ts'

test('a child has the trace of its parent and a span of its own', () => {
  const parent = newTraceparent()

  const child = childOf(parent)

  expect(Traceparent.safeParse(parent).success && Traceparent.safeParse(child).success).toBe(true)
  expect(traceIdOf(child)).toBe(traceIdOf(parent))
  expect(child).not.toBe(parent)
})
