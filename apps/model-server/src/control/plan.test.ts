import type { ServableState } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Action,
  type Observed,
  type ObservedVersion,
  plan,
  type WantedContent,
} from './plan.ts'

/** `1` is version 1 with content `a`, and `1b` is it with content `b`. */
const read = (text: string): WantedContent => ({
  version: BigInt(Number.parseInt(text, 10)),
  content: text.replace(/^\d+/, '') || 'a',
})
const show = ({ version, content }: WantedContent): string =>
  `${version}${content === 'a' ? '' : content}`

let lastId = 0
const at = (
  what: string,
  state: ServableState,
  more: Partial<ObservedVersion> = {},
): ObservedVersion => ({
  ...read(what),
  id: ++lastId,
  state,
  isQueued: false,
  hasFailed: false,
  ...more,
})
const failed = { hasFailed: true }
const queued = { isQueued: true }

function next(wanted: string[], versions: ObservedVersion[], held: bigint[] = []) {
  const action = plan({ wanted: wanted.map(read), held, versions })
  if (action === undefined || action.kind === 'start')
    return action && `${action.kind} ${action.version}`
  const found = versions.find(({ id }) => id === action.id)
  return `${action.kind} ${found && show(found)}`
}

const cases: [string, string[], ObservedVersion[], string | undefined][] = [
  ['nothing is wanted and nothing is there', [], [], undefined],
  ['a new version is started', ['1'], [], 'start 1'],
  ['the highest is started first', ['1', '2'], [], 'start 2'],
  ['numbers count, not texts', ['9', '10'], [], 'start 10'],
  ['a started one waits for its turn', ['1'], [at('1', 'START')], 'queue 1'],
  ['one that waits is left to wait', ['1'], [at('1', 'START', queued)], undefined],
  ['one loads at a time', ['1', '2'], [at('2', 'LOADING'), at('1', 'START')], undefined],
  ['the next one loads after it', ['1', '2'], [at('2', 'AVAILABLE'), at('1', 'START')], 'queue 1'],
  ['a version that is no more wanted is not loaded', [], [at('1', 'START')], 'cancel 1'],
  ['a load that has begun is not stopped', [], [at('1', 'LOADING')], undefined],
  [
    'the old one serves while the new one loads',
    ['2'],
    [at('1', 'AVAILABLE'), at('2', 'LOADING')],
    undefined,
  ],
  [
    'the old one serves on when the new one failed',
    ['2'],
    [at('1', 'AVAILABLE'), at('2', 'END', failed)],
    undefined,
  ],
  [
    'the old one goes when the new one is there',
    ['2'],
    [at('1', 'AVAILABLE'), at('2', 'AVAILABLE')],
    'unload 1',
  ],
  [
    'of two old ones the lower one goes',
    ['3'],
    [at('2', 'AVAILABLE'), at('1', 'AVAILABLE'), at('3', 'LOADING')],
    'unload 1',
  ],
  ['what is not wanted at all goes', [], [at('1', 'AVAILABLE')], 'unload 1'],
  ['what leaves is left to itself', [], [at('1', 'UNLOADING')], undefined],
  ['a failed version is left alone', ['1'], [at('1', 'END', failed)], undefined],
  ['an ended version that is wanted again is started anew', ['1'], [at('1', 'END')], 'start 1'],
  ['one that leaves and is wanted again ends first', ['1'], [at('1', 'UNLOADING')], undefined],
  ['other content of the same number is started', ['1b'], [at('1', 'AVAILABLE')], 'start 1'],
  [
    'the old content serves while the new content loads',
    ['1b'],
    [at('1', 'AVAILABLE'), at('1b', 'LOADING')],
    undefined,
  ],
  [
    'the old content goes when the new content is there',
    ['1b'],
    [at('1', 'AVAILABLE'), at('1b', 'AVAILABLE')],
    'unload 1',
  ],
  [
    'the old content serves on when the new content failed',
    ['1b'],
    [at('1', 'AVAILABLE'), at('1b', 'END', failed)],
    undefined,
  ],
  [
    'it does so beside another version that is available',
    ['1b', '2'],
    [at('1', 'AVAILABLE'), at('1b', 'END', failed), at('2', 'AVAILABLE')],
    undefined,
  ],
  [
    'failed content is tried again when the files change',
    ['1b'],
    [at('1', 'END', failed)],
    'start 1',
  ],
  [
    'content that waits and was overtaken is not loaded',
    ['1b'],
    [at('1', 'START'), at('1b', 'START')],
    'cancel 1',
  ],
  [
    'content that was there first goes when it was loaded last and is not wanted',
    ['1'],
    [at('1', 'AVAILABLE'), at('1b', 'AVAILABLE')],
    'unload 1b',
  ],
  [
    'of two old contents the older one goes',
    ['1c'],
    [at('1', 'AVAILABLE'), at('1b', 'AVAILABLE'), at('1c', 'LOADING')],
    'unload 1',
  ],
]
test.each(cases)('%s', (_name, wanted, versions, action) => {
  expect(next(wanted, versions)).toBe(action)
})

describe('a version that a label still names', () => {
  const versions = [at('1', 'AVAILABLE'), at('3', 'AVAILABLE'), at('2', 'END', failed)]

  test('stays though a wanted one is available', () => {
    expect(next(['3', '2'], versions, [1n])).toBeUndefined()
  })

  test('goes with the model', () => {
    expect(next([], versions, [1n])).toBe('unload 1')
  })
})

/** A world in which actions take effect, and loads end well or badly. */
class World {
  versions: ObservedVersion[] = []
  wanted: string[] = []

  observe(): Observed {
    return { wanted: this.wanted.map(read), held: [], versions: this.versions }
  }

  act(action: Action): void {
    if (action.kind === 'start') {
      const wanted = this.wanted.find((each) => read(each).version === action.version) ?? ''
      const others = this.versions.filter(
        ({ version, state }) => version !== action.version || state !== 'END',
      )
      this.versions = [...others, at(wanted, 'START')]
      return
    }
    const states = { queue: 'START', cancel: 'END', unload: 'UNLOADING' } as const
    this.versions = this.versions.map((each) =>
      each.id === action.id
        ? { ...each, state: states[action.kind], isQueued: action.kind === 'queue' }
        : each,
    )
  }

  /** Does all that the plan says. */
  settle(): void {
    let actions = 0
    for (let each = plan(this.observe()); each; each = plan(this.observe())) {
      this.act(each)
      if (++actions > ACTIONS_MAX) throw new Error('the plan goes on for ever')
    }
  }

  /** Lets the outside world go on by a step. */
  step(isGood: boolean): void {
    this.versions = this.versions.map((each): ObservedVersion => {
      if (each.isQueued) return { ...each, isQueued: false, state: 'LOADING' }
      if (each.state === 'UNLOADING') return { ...each, state: 'END' }
      if (each.state !== 'LOADING') return each
      return isGood ? { ...each, state: 'AVAILABLE' } : { ...each, state: 'END', ...failed }
    })
  }

  available(): ObservedVersion[] {
    return this.versions.filter(({ state }) => state === 'AVAILABLE')
  }
}

const ACTIONS_MAX = 100
/** One content of each number, as a directory holds. */
const wishes = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom('a', 'b')), {
    selector: ([version]) => version,
    maxLength: 3,
  })
  .map((wish) => wish.map(([version, content]) => `${version}${content}`))
const steps = fc.array(fc.tuple(fc.option(wishes, { nil: undefined }), fc.boolean()))

test('a model that answers goes on answering as long as something of it is wanted', () => {
  fc.assert(
    fc.property(steps, (story) => {
      const world = new World()
      for (const [wish, isGood] of story) {
        world.wanted = wish ?? world.wanted
        const before = world.available().length
        world.settle()
        const isDark = before > 0 && world.wanted.length > 0 && world.available().length === 0
        expect(isDark).toBe(false)
        world.step(isGood)
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a number that answers goes on answering as long as it is wanted, with whatever content', () => {
  fc.assert(
    fc.property(steps, (story) => {
      const world = new World()
      for (const [wish, isGood] of story) {
        world.wanted = wish ?? world.wanted
        const numbers = new Set(world.wanted.map((each) => read(each).version))
        const before = world.available().filter(({ version }) => numbers.has(version))
        world.settle()
        const after = new Set(world.available().map(({ version }) => version))
        for (const { version } of before) expect(after).toContain(version)
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
        world.settle()
        world.step(true)
      }
      const available = world.available().map(({ version, content }) => `${version}${content}`)
      expect(new Set(available)).toEqual(new Set(story.at(-1)))
    }),
  )
})
