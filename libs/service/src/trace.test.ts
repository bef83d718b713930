import { Traceparent } from '@drover/model-config'
import { expect, test } from 'vitest'
import { childOf, newTraceparent, traceIdOf, traceOf } from './trace.ts'

test('a child has the trace of its parent and a span of its own', () => {
  const parent = newTraceparent()

  const child = childOf(parent)

  expect(Traceparent.safeParse(parent).success && Traceparent.safeParse(child).success).toBe(true)
  expect(traceIdOf(child)).toBe(traceIdOf(parent))
  expect(child).not.toBe(parent)
})

test("a request goes on with its caller's trace", () => {
  const traceparent = newTraceparent()

  expect(traceIdOf(traceOf({ headers: { traceparent } }))).toBe(traceIdOf(traceparent))
})

test.each([undefined, '', 'garbage', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`])(
  'a request with the trace %j begins a new one',
  (traceparent) => {
    const trace = traceOf({ headers: { traceparent } })

    expect(Traceparent.safeParse(trace).success).toBe(true)
    expect(trace).not.toBe(traceOf({ headers: { traceparent } }))
  },
)
