import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { floatTensor, Health, PredictionService } from '@drover/serving-api'
import { compressionAlgorithms, status } from '@grpc/grpc-js'
import { describe, expect, test, vi } from 'vitest'
import { ECHO, requestOf, signatures } from '../test-support/echo.ts'
import { coreOf, GrpcClient, startGrpc, type TestVersion } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const { predict } = PredictionService.method
const NEVER: TestVersion = { signatures, run: async () => await new Promise(() => {}) }

/** A model that answers when it is told to. */
function startGate() {
  const waiting: (() => void)[] = []
  const version: TestVersion = {
    signatures,
    run: async () => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return { y: floatTensor([1]) }
    },
  }
  return { version, waiting, open: () => waiting.splice(0).forEach((resolve) => resolve()) }
}

describe('deadlines', () => {
  test('a call ends at its own, whatever the model does', async () => {
    await using grpc = await startGrpc({ core: coreOf({ never: { 1: NEVER } }) })
    const startMs = performance.now()

    const asked = grpc.client.ask(predict, requestOf('never'), { deadline: Date.now() + 100 })

    await expect(asked).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
    expect(performance.now() - startMs).toBeLessThan(5_000)
  })

  test('the server ends it, not only the client', async () => {
    await using grpc = await startGrpc({ core: coreOf({ never: { 1: NEVER } }) })
    const metadata = { 'grpc-timeout': '50m' }

    // This client knows of no deadline, it only sends one.
    const asked = grpc.client.ask(predict, requestOf('never'), { metadata })

    await expect(asked).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  })

  test('the model is told of it, and of a large one without', async () => {
    const deadlines: number[] = []
    const run: TestVersion['run'] = ({ deadlineMs }) => {
      deadlines.push(deadlineMs - performance.now())
      return { y: floatTensor([1]) }
    }
    await using grpc = await startGrpc({ core: coreOf({ m: { 1: { signatures, run } } }) })

    await grpc.client.ask(predict, requestOf('m'), { deadline: Date.now() + 20_000 })
    await grpc.client.ask(predict, requestOf('m'))
    await grpc.client.ask(predict, requestOf('m'), { metadata: { 'grpc-timeout': '99999999H' } })

    const [own = 0, large = 0, huge = 0] = deadlines
    expect(own).toBeGreaterThan(10_000)
    expect(own).toBeLessThanOrEqual(20_001)
    expect(large).toBeGreaterThan(600_000)
    expect(huge).toBeGreaterThan(1e12)
  })

  test('a call that was cancelled is not waited for', async () => {
    const gate = startGate()
    await using grpc = await startGrpc({ core: coreOf({ gate: { 1: gate.version } }) })
    const call = grpc.client.makeUnaryRequest(
      pathOf(predict),
      (body: Buffer) => body,
      (body) => body,
      Buffer.from([0x0a, 0x06, 0x0a, 0x04, ...Buffer.from('gate')]),
      () => {},
    )
    const ended = once(call, 'status')
    call.cancel()
    await ended
    gate.open()

    await expect(grpc.client.ask(Health.method.check, {})).resolves.toBeDefined()
    await grpc.port.drain(30_000)
    expect(grpc.port.connections()).toBe(0)
  })
})

describe('compression', () => {
  test.each([compressionAlgorithms.gzip, compressionAlgorithms.deflate])(
    'algorithm %d is read, and answered alike',
    async (algorithm) => {
      await using grpc = await startGrpc({ core: coreOf({ echo: { 1: ECHO } }) })
      const client = new GrpcClient(grpc.address, undefined, {
        'grpc.default_compression_algorithm': algorithm,
      })

      const { outputs } = await client.ask(predict, requestOf('echo', 5_000))

      expect(outputs.y?.floatVal).toHaveLength(5_000)
      expect(new Set(outputs.y?.floatVal)).toEqual(new Set([0.5]))
      client.close()
    },
  )

  test('a message that grows too large is refused', async () => {
    await using grpc = await startGrpc({
      core: coreOf({ echo: { 1: ECHO } }),
      grpcLimits: { inflatedBytesMax: 10_000 },
    })
    const client = new GrpcClient(grpc.address, undefined, {
      'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    })

    await expect(client.ask(predict, requestOf('echo', 5_000))).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: 'A compressed message may grow to 10000 bytes',
    })
    client.close()
  })
})

describe('sizes', () => {
  test('a message of tens of megabytes goes both ways', async () => {
    await using grpc = await startGrpc({ core: coreOf({ echo: { 1: ECHO } }) })
    const client = new GrpcClient(grpc.address, undefined, {
      'grpc.max_receive_message_length': -1,
    })

    const { outputs } = await client.ask(predict, requestOf('echo', 8_000_000))

    expect(outputs.y?.floatVal).toHaveLength(8_000_000)
    client.close()
  })

  test('the channel arguments bound both ways', async () => {
    const core = coreOf({ echo: { 1: ECHO } })
    const withArguments = async (channelArguments: Record<string, number>) =>
      await startGrpc({ core, settings: { grpc: { channelArguments } } })
    await using receiving = await withArguments({ 'grpc.max_receive_message_length': 1_000 })
    await using sending = await withArguments({ 'grpc.max_send_message_length': 1_000 })

    for (const { client } of [receiving, sending]) {
      await expect(client.ask(predict, requestOf('echo', 10))).resolves.toBeDefined()
      await expect(client.ask(predict, requestOf('echo', 1_000))).rejects.toMatchObject({
        code: status.RESOURCE_EXHAUSTED,
      })
    }
  })
})

describe('drain', () => {
  test('lets calls in flight finish and takes no new connection', async () => {
    const gate = startGate()
    await using grpc = await startGrpc({ core: coreOf({ gate: { 1: gate.version } }) })
    const calls = Array.from({ length: 20 }, () => grpc.client.ask(predict, requestOf('gate')))
    await vi.waitUntil(() => gate.waiting.length === 20)

    const drained = grpc.port.drain(30_000)
    const late = new GrpcClient(grpc.address)
    await expect(late.ask(Health.method.check, {})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    })
    gate.open()

    await expect(Promise.all(calls)).resolves.toHaveLength(20)
    await drained
    expect(grpc.port.connections()).toBe(0)
    late.close()
  })

  test('cuts what does not finish in time', async () => {
    await using grpc = await startGrpc({ core: coreOf({ never: { 1: NEVER } }) })
    const asked = grpc.client.ask(predict, requestOf('never'))
    await vi.waitUntil(() => grpc.port.connections() === 1)
    const failed = asked.catch((error: unknown) => error)

    await grpc.port.drain(200)

    expect(await failed).toMatchObject({ code: expect.any(Number) })
    expect(grpc.port.connections()).toBe(0)
  })

  test('loses no call of clients that go on, when another port takes over', async () => {
    const core = coreOf({ echo: { 1: ECHO } })
    await using first = await startGrpc({ core })
    const { port } = new URL(`http://${first.address}`)
    let failures = 0
    let calls = 0
    const over = new AbortController()
    const work = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const asked = first.client.ask(predict, requestOf('echo', 100), { waitForReady: true })
        await asked.catch(() => failures++)
        calls++
      }
    }
    const workers = [work(), work(), work(), work()]
    try {
      await vi.waitUntil(() => calls > 100)
      await first.port.drain(30_000)
      await using second = await startGrpc({ core })
      await second.port.listen({ host: '127.0.0.1', port: Number(port) })
      const before = calls
      await vi.waitUntil(() => calls > before + 100, { timeout: 20_000 })
      over.abort()
      await Promise.all(workers)
    } finally {
      over.abort()
    }

    expect(failures).toBe(0)
  })
})

test('an encoding is a permission: what is not flagged as compressed is read as it is', async () => {
  await using grpc = await startGrpc({ core: coreOf({}) })

  const asked = grpc.client.askBytes(pathOf(predict), gzipSync('x'), {
    metadata: { 'grpc-encoding': 'gzip' },
  })

  await expect(asked).rejects.toMatchObject({ code: status.INTERNAL })
})
