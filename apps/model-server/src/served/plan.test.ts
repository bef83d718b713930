import type { ServableState } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Action, type Observed, type ObservedVersion, plan } from './plan.ts'

const at = (
  version: number,
  state: ServableState,
  more: Partial<ObservedVersion> = {},
): ObservedVersion => ({
  version,
  state,
  isQueued: false,
  isClosing: false,
  hasFailed: false,
  inFlight: 0,
  ...more,
})
const failed = { hasFailed: true }

const cases: [string, number[], ObservedVersion[], string | undefined][] = [
  ['nothing is wanted and nothing is there', [], [], undefined],
  ['a new version is started', [1], [], 'start 1'],
  ['the highest is started first', [1, 2], [], 'start 2'],
  ['a started one waits for its turn', [1], [at(1, 'START')], 'queue 1'],
  ['one that waits is left to wait', [1], [at(1, 'START', { isQueued: true })], undefined],
  ['one loads at a time', [1, 2], [at(2, 'LOADING'), at(1, 'START')], undefined],
  ['the next one loads after it', [1, 2], [at(2, 'AVAILABLE'), at(1, 'START')], 'queue 1'],
  ['a version that is no more wanted is not loaded', [], [at(1, 'START')], 'cancel 1'],
  ['a load that has begun is not stopped', [], [at(1, 'LOADING')], undefined],
  [
    'the old one serves while the new one loads',
    [2],
    [at(1, 'AVAILABLE'), at(2, 'LOADING')],
    undefined,
  ],
  [
    'the old one serves on when the new one failed',
    [2],
    [at(1, 'AVAILABLE'), at(2, 'END', failed)],
    undefined,
  ],
  [
    'the old one goes when the new one is there',
    [2],
    [at(1, 'AVAILABLE'), at(2, 'AVAILABLE')],
    'quiesce 1',
  ],
  [
    'of two old ones the lower one goes',
    [3],
    [at(2, 'AVAILABLE'), at(1, 'AVAILABLE'), at(3, 'LOADING')],
    'quiesce 1',
  ],
  ['what is not wanted at all goes', [], [at(1, 'AVAILABLE')], 'quiesce 1'],
  ['requests are waited for', [], [at(1, 'UNLOADING', { inFlight: 1 })], undefined],
  ['without requests its memory is taken', [], [at(1, 'UNLOADING')], 'unload 1'],
  ['its memory is taken once', [], [at(1, 'UNLOADING', { isClosing: true })], undefined],
  ['a failed version is left alone', [1], [at(1, 'END', failed)], undefined],
  ['an ended version that is wanted again is started anew', [1], [at(1, 'END')], 'start 1'],
  [
    'one that is being unloaded and is wanted again ends first',
    [1],
    [at(1, 'UNLOADING', { inFlight: 1 })],
    undefined,
  ],
]
test.each(cases)('%s', (_name, wanted, versions, action) => {
  const next = plan({ wanted, held: [], versions })

  expect(next && `${next.kind} ${next.version}`).toBe(action)
})

describe('a version that a label still names', () => {
  const versions = [at(1, 'AVAILABLE'), at(3, 'AVAILABLE'), at(2, 'END', failed)]

  test('stays though a wanted one is available', () => {
    expect(plan({ wanted: [3, 2], held: [1], versions })).toBeUndefined()
  })

  test('goes with the model', () => {
    expect(plan({ wanted: [], held: [1], versions })).toEqual({ kind: 'quiesce', version: 1 })
  })
})

/** A world in which actions take effect, and loads end well or badly. */
class World {
  readonly versions = new Map<number, ObservedVersion>()
  wanted: number[] = []

  observe(): Observed {
    return { wanted: this.wanted, held: [], versions: [...this.versions.values()] }
  }

  act({ kind, version }: Action): void {
    const found = this.versions.get(version) ?? at(version, 'END')
    const next = {
      start: at(version, 'START'),
      queue: { ...found, isQueued: true },
      cancel: at(version, 'END'),
      quiesce: { ...found, state: 'UNLOADING' } as const,
      unload: { ...found, isClosing: true },
    }[kind]
    this.versions.set(version, next)
  }

  /** Lets the outside world go on by a step. */
  step(isGood: boolean): void {
    for (const [version, each] of this.versions) {
      if (each.isQueued) this.versions.set(version, at(version, 'LOADING'))
      else if (each.state === 'LOADING')
        this.versions.set(version, isGood ? at(version, 'AVAILABLE') : at(version, 'END', failed))
      else if (each.isClosing) this.versions.set(version, at(version, 'END'))
    }
  }

  get available(): number[] {
    return [...this.versions.values()].flatMap(({ version, state }) =>
      state === 'AVAILABLE' ? [version] : [],
    )
  }
}

const ACTIONS_MAX = 100
const wishes = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 })
const steps = fc.array(fc.tuple(fc.option(wishes, { nil: undefined }), fc.boolean()))

test('a model that answers goes on answering as long as something of it is wanted', () => {
  fc.assert(
    fc.property(steps, (story) => {
      const world = new World()
      for (const [wish, isGood] of story) {
        world.wanted = wish ?? world.wanted
        const before = world.available.length
        let actions = 0
        for (let next = plan(world.observe()); next; next = plan(world.observe())) {
          world.act(next)
          expect(++actions).toBeLessThan(ACTIONS_MAX)
        }
        const isDark = before > 0 && world.wanted.length > 0 && world.available.length === 0
        expect(isDark).toBe(false)
        world.step(isGood)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('when loads go well exactly what is wanted ends up available', () => {
  fc.assert(
    fc.property(fc.array(wishes, { minLength: 1 }), (story) => {
      const world = new World()
      for (const wish of [...story, ...Array(20).fill(story.at(-1))]) {
        world.wanted = wish
        for (let next = plan(world.observe()); next; next = plan(world.observe())) world.act(next)
        world.step(true)
      }
      expect(new Set(world.available)).toEqual(new Set(story.at(-1)))
    }),
  )
})
