import assert from 'node:assert/strict'
import {
  type ConfigRef,
  isCommitted,
  parseServedName,
  type ServerState,
} from '@drover/model-config'
import type { Checker, World } from './world.ts'
import { wantedVersion } from './publisher.ts'

/** What must hold at every moment, checked when something changes. Throws when it is broken. */
export function makeChecker(): Checker {
  /** By served name and request: at most one commit each. */
  const commits = new Map<string, number>()
  /** By served name: the pin that some candidate has already honoured. */
  const honoured = new Map<string, { seq: number; version: number }>()

  return {
    channelMoved(world, before, after) {
      assert.ok(after.seq === (before?.seq ?? -1) + 1, 'seq grows by one with each write')
      if (after.candidate !== undefined && after.candidate !== before?.candidate) {
        checkCandidate(world, honoured, after.candidate.sha)
      }
      if (after.live !== undefined && after.live !== before?.live) checkLive(world, after.live)
    },

    committed(_world, name, { request }) {
      const key = `${name} ${request}`
      commits.set(key, (commits.get(key) ?? 0) + 1)
      assert.equal(commits.get(key), 1, `the request ${key} was committed twice`)
    },

    served(world, url) {
      for (const [name, entry] of world.serving.get(url) ?? []) {
        for (const { version } of entry.versions) {
          const record = world.versions.get(name)?.get(version)
          const hasPassed = record?.verdicts.some(({ pass }) => pass) === true
          assert.ok(hasPassed, `${url} answers from ${name} ${version}, which never passed`)
          assert.ok(record?.fate.server, `${url} answers from ${name} ${version}, which is broken`)
        }
      }
    },
  }
}

/** Once a candidate has honoured a pin, no later one may serve anything above it. */
function checkCandidate(
  world: World,
  honoured: Map<string, { seq: number; version: number }>,
  sha: string,
): void {
  const models = world.configs.get(sha)
  assert.ok(models !== undefined, 'a candidate is in the store before the channel names it')
  for (const [tenant, { seq, pins }] of world.controls) {
    for (const [model, pin] of Object.entries(pins)) {
      const name = `${tenant}.${model}`
      if (world.tenants.get(tenant)?.models[model]?.born !== pin.born || pin.version === 'none') {
        continue
      }
      const served = models[name]?.versions[0]?.version ?? 0
      const known = honoured.get(name)
      if (known?.seq === seq) {
        assert.ok(served <= known.version, `${name} ${served} returned although it was rolled back`)
      } else if (served <= pin.version) {
        honoured.set(name, { seq, version: pin.version })
      }
    }
  }
}

/** `live` is what some server has confirmed; it may have died since the restarter looked. */
function checkLive(world: World, { sha, seq }: { sha: string; seq: number }): void {
  assert.ok(world.confirmed.has(`${sha} ${seq}`), `nobody ever confirmed the config ${seq}`)
}

/** At the look on which `live` moves, every server that is ready reports it, and one at least. */
export function checkRequired(states: readonly (ServerState | undefined)[], live: ConfigRef): void {
  const ready = states.filter((state) => state?.ready === true)
  assert.ok(ready.length > 0, `no server was ready when ${live.seq} became live`)
  for (const state of ready) {
    const holds = state?.config?.sha === live.sha && state.config.seq === live.seq
    assert.ok(holds && state.failed.length === 0, `${state?.server} did not confirm ${live.seq}`)
  }
}

/** What is still wrong when the faults have ended; undefined when everything has converged. */
export function whatIsOpen(world: World, urls: readonly string[]): string | undefined {
  const { channel } = world
  if (channel === undefined) return 'there is no channel'
  if (channel.rollout !== undefined) return 'a rollout goes on'
  const models = world.configs.get(channel.live?.sha ?? '') ?? {}
  for (const tenant of world.tenants.keys()) {
    const open = whatIsOpenOf(
      world,
      `${tenant}.late`,
      models[`${tenant}.late`]?.versions[0]?.version,
    )
    if (open !== undefined) return open
  }
  for (const url of urls) {
    const state = world.states.get(url)
    if (state?.ready !== true) return `${url} is not ready`
    if (channel.live !== undefined && state.config?.seq !== channel.live.seq)
      return `${url} is behind`
    for (const name of world.serving.get(url)?.keys() ?? []) {
      if (models[name] === undefined) return `${url} still serves ${name}`
    }
  }
  return undefined
}

function whatIsOpenOf(world: World, name: string, live: number | undefined): string | undefined {
  const { tenant, model } = parseServedName(name)
  const owner = world.tenants.get(tenant)
  const wanted = wantedVersion(world, name)
  if (live !== wanted) return `${name} is live at ${live}, wanted at ${wanted}`
  if (owner === undefined || owner.tombstone) return undefined
  const born = owner.models[model]?.born
  const mine = Array.from(world.versions.get(name)?.values() ?? []).filter(
    ({ manifest }) => manifest !== undefined && isCommitted(manifest) && manifest.born === born,
  )
  const hasFailed = (world.runs.get(name) ?? []).some((run) => run.born === born)
  if (mine.length === 0 && !hasFailed) return `${name} was never trained`
  const unjudged = mine.some(({ verdicts }) => verdicts.length === 0)
  return unjudged ? `${name} has a version that nobody judged` : undefined
}
