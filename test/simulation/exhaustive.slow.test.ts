import assert from 'node:assert/strict'
import { sha256 } from '@drover/model-config'
import { expect, test } from 'vitest'
import { openPlay, type Play, playOn, type Process, settle } from './history.ts'
import type { World } from './world.ts'

const RUNS_MAX = 200_000
/** Fewer would mean that somebody never did anything. */
const STATES_MIN = 1_000

/** What each kind of process can see of the world: what else differs makes no difference to it. */
const VISIBLE: Record<string, (world: World, id: string) => unknown> = {
  client: () => 0,
  trainer: ({ nudges, versions }) => [
    nudges.train,
    [...versions.values()].map((each) => each.size),
  ],
  publisher: ({ nudges, channel, versions, configs }) => [
    nudges.publish,
    channel?.seq,
    configs.size,
    [...versions.values()].map((each) => [...each.values()].map(({ verdicts }) => verdicts.length)),
  ],
  restarter: ({ channel, states, mailboxes }) => [
    channel?.seq,
    [...states],
    [...mailboxes.values()].map((letters) => letters.length),
  ],
  'http://server': ({ channel, inboxes, disks, states }, id) => [
    channel?.seq,
    inboxes.get(id),
    disks.get(id)?.fence,
    states.get(id),
  ],
}

const visibleTo = ({ world }: Play, { id }: Process): string => {
  const kind = id.slice(0, id.lastIndexOf('-'))
  return JSON.stringify(VISIBLE[kind]?.(world, id))
}

/** A fleet that serves `b`, and a version of `a` that waits for its publication. */
function openStage(): Play {
  const cast = { trainers: 1, publishers: 1, restarters: 1, servers: 2 }
  const play = openPlay(
    { ...cast, deeds: [{ kind: 'put', tenant: 'b', data: 0 }] },
    (count) => count - 1,
  )
  assert.equal(settle(play), undefined)
  playOn(play, { kind: 'put', tenant: 'a', data: 0 })
  return play
}

/** A whole state: the world, and for each process all that it ever saw when it did something. */
interface Walk {
  play: Play
  histories: string[]
}

const keyOf = ({ play, histories }: Walk): string =>
  sha256(JSON.stringify([play.processes.map((each) => visibleTo(play, each)), histories]))

/** Lets the first process from `first` on go on that does something; gives its place. */
function stepFirst({ play, histories }: Walk, first: number): number | undefined {
  for (const [place, process] of play.processes.entries()) {
    if (place < first) continue
    const before = play.processes.map((each) => visibleTo(play, each)).join()
    const seen = visibleTo(play, process)
    let said: unknown = 'look'
    while (said === 'look') said = process.body.next().value
    const after = play.processes.map((each) => visibleTo(play, each)).join()
    if (said === 'idle' && after === before) continue
    histories[place] = sha256(`${histories[place]} ${seen}`)
    return place
  }
  return undefined
}

/**
 * Runs one schedule: as `prefix` has it, then always the first who can, until a state that was seen
 * before or until nobody can go on. Gives the places of those who went.
 */
function run(prefix: readonly number[], seen: Set<string>): number[] {
  const walk: Walk = { play: openStage(), histories: [] }
  const places: number[] = []
  for (;;) {
    const place = stepFirst(walk, prefix[places.length] ?? 0)
    if (place === undefined) {
      // The alternative that the prefix asks for does not exist, or everybody is done.
      if (places.length >= prefix.length) assert.equal(settle(walk.play), undefined)
      return places
    }
    places.push(place)
    if (places.length < prefix.length) continue
    const key = keyOf(walk)
    if (seen.has(key)) return places
    seen.add(key)
  }
}

function nextPrefix(places: readonly number[], count: number): number[] | undefined {
  for (let at = places.length - 1; at >= 0; at--) {
    const place = (places[at] ?? 0) + 1
    if (place < count) return [...places.slice(0, at), place]
  }
  return undefined
}

test(
  'a publish reaches both servers in every interleaving of publisher, restarter and servers',
  { timeout: 300_000 },
  () => {
    const seen = new Set<string>()
    const count = openStage().processes.length
    let prefix: number[] | undefined = []
    let runs = 0
    while (prefix !== undefined && runs < RUNS_MAX) {
      const places = run(prefix, seen)
      runs += 1
      prefix = nextPrefix(places.length < prefix.length ? prefix : places, count)
    }
    expect(prefix).toBeUndefined()
    expect(seen.size).toBeGreaterThan(STATES_MIN)
  },
)
