import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { makeLog } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { CONTROL_LIMITS } from './limits.ts'
import { Models } from './models.ts'
import type { PublishedModel } from './ports.ts'
import { TestLoaded, TestThreads, WAIT } from './served.fixture.ts'

/** Threads that remember whether a model ever stopped answering. */
class Watching extends TestThreads {
  gaps = 0

  override async serve(model: PublishedModel): Promise<void> {
    if (this.models.has(model.name) && model.versions.length === 0) this.gaps++
    await super.serve(model)
    await setImmediate()
  }
}

/** A world of one model whose directories are good or bad as the story has it. */
function startWorld(residentBytesMax?: number) {
  const threads = new Watching()
  const bad = new Set<string>()
  const loaded = new Set<TestLoaded>()
  const log = makeLog('test')
  log.level = 'silent'
  const models = new Models({
    load: async (directory) => {
      await setImmediate()
      if (bad.has(directory)) throw new Error('bad')
      const made = new TestLoaded(directory, 'x')
      loaded.add(made)
      return made
    },
    publisher: threads,
    log,
    limits: { ...CONTROL_LIMITS, retryMsMax: 1, residentMsMin: 0, evictionLoadMsMax: 60_000 },
    loadsAtOnce: 2,
    retry: { retries: 1_000, retryMs: 1 },
    residentBytesMax,
  })
  const want = async (contents: readonly string[]) =>
    await models.want([
      {
        name: 'm',
        labels: {},
        versions: contents.map((content) => ({
          version: BigInt(Number.parseInt(content, 10)),
          directory: content,
          content,
          sizeBytes: 1,
        })),
      },
    ])
  return { threads, bad, loaded, models, want }
}

/** At least one version, with one content of each number. */
const wishes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'b')), {
    selector: ([version]) => version,
    minLength: 1,
    maxLength: 3,
  })
  .map((wish) => wish.map(([version, content]) => `${version}${content}`))
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('want' as const), wish: wishes }),
    fc.record({
      kind: fc.constant('spoil' as const),
      content: fc.constantFrom('1a', '2a', '2b', '3a', '4b'),
    }),
    fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 8 }) }),
    fc.constant({ kind: 'request' as const }),
    fc.record({ kind: fc.constant('warm' as const), version: fc.bigInt({ min: 1n, max: 4n }) }),
  ),
  { maxLength: 20 },
)
const memory = fc.constantFrom(undefined, 1, 3)

test('a model that answers never stops, no request loses its model, and what is wanted comes', async () => {
  await fc.assert(
    fc.asyncProperty(steps, wishes, memory, async (story, last, residentBytesMax) => {
      const { threads, bad, loaded, models, want } = startWorld(residentBytesMax)
      const ends: (() => void)[] = []
      const warmings: Promise<void>[] = []
      for (const step of story) {
        if (step.kind === 'want') await want(step.wish)
        else if (step.kind === 'spoil') bad.add(step.content)
        else if (step.kind === 'wait')
          for (let turn = 0; turn < step.turns; turn++) await setImmediate()
        else if (step.kind === 'warm')
          // It may be gone, or there may be no room: either is told to whoever asks.
          warmings.push(models.warm('m', step.version).catch(() => {}))
        else if (threads.find('m') instanceof TestLoaded) ends.push(threads.begin('m'))
      }
      bad.clear()
      await want(last)
      const wanted = new Set(last)
      const versions = () => models.get('m')?.versions ?? []
      const available = () => versions().filter(({ state }) => state === 'AVAILABLE')
      // One that leaves and is wanted again comes back when its requests are over.
      const isOnItsWay = (content: string) =>
        versions().some(
          ({ wanted: { content: other }, state }) =>
            content === other && (state === 'AVAILABLE' || state === 'UNLOADING'),
        )
      await vi.waitUntil(() => last.every(isOnItsWay), WAIT)
      for (const end of ends) end()
      await vi.waitUntil(
        () =>
          available().length === last.length &&
          available().every(({ wanted: { content } }) => wanted.has(content)) &&
          versions().every(({ state }) => state === 'AVAILABLE' || state === 'END'),
        WAIT,
      )
      await Promise.all(warmings)
      const open = () => [...loaded].filter(({ isClosed }) => !isClosed).length
      const openMax = Math.min(last.length, residentBytesMax ?? Infinity)
      await vi.waitUntil(() => models.memory.bytes === open() && open() <= openMax, WAIT)
      models.close()
      expect(threads.gaps).toBe(0)
      expect(threads.faults).toEqual([])
    }),
    { numRuns: 150 },
  )
})
