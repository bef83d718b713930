import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Compression } from './compression.ts'
import { GRPC_LIMITS } from './limits.ts'

test('many messages are inflated, some at a time, and one that fails holds up none', async () => {
  const compression = new Compression({ ...GRPC_LIMITS, inflatingMax: 2 })
  const messages = Array.from({ length: 50 }, (_, index) => Buffer.alloc(10_000 + index, index))

  const inflated = await Promise.allSettled(
    messages.map(
      async (message, index) =>
        await compression.inflate(index === 7 ? message : gzipSync(message), 'gzip'),
    ),
  )

  const [failed] = inflated.splice(7, 1)
  const [, ...others] = messages.toSpliced(7, 1)
  expect(failed).toMatchObject({ reason: { code: 'INTERNAL' } })
  expect(inflated.slice(1)).toEqual(others.map((value) => ({ status: 'fulfilled', value })))
})
