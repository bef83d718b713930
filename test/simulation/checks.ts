import assert from 'node:assert/strict'
import {
  type Channel,
  type ConfigRef,
  isCommitted,
  openUndo,
  parseAnnotation,
  standingVerdict,
} from '@drover/model-config'
import type { NamedModel } from '@drover/config-publisher'
import { type Agent, mayOpen } from './agent.ts'
import { checkBorn, checkKept, checkPins, checkUndone } from './candidates.ts'
import type { Fleet } from './fleet.ts'
import { type Checker, hasTrouble, type Seen, type World } from './world.ts'

/** What must hold at every moment, checked when something changes. Each throws when it is broken. */
export const CHECKER: Checker = {
  channelMoved(fleet, before, after) {
    assert.ok(after.seq === (before?.seq ?? -1) + 1, 'seq grows by one with each write')
    const isPublished = after.candidate !== before?.candidate
    const isRestarters = before !== undefined && isMovedByRestarter(before, after)
    assert.ok(!isPublished || !isRestarters, 'a writer of the channel changed a field of the other')
    if (isPublished) checkCandidate(fleet, after)
    checkUndo(before, after)
    checkLive(before, after)
    checkRollout(fleet, before, after)
    checkUndoByHand(fleet, before, after)
  },

  published(fleet, observed, models) {
    const { base, named } = observed
    for (const [name, entry] of Object.entries(models)) {
      if (base[name] === entry) continue
      const version = entry.versions[0]?.version ?? 0
      const isKept = base[name]?.versions[0]?.version === version
      assert.ok(isKept || named[name] !== undefined, `${name} changed though nobody looked at it`)
      const hasPassed = isKept || passes(named[name], version, fleet.name)
      assert.ok(hasPassed, `${name} ${version} was published without a passing verdict`)
    }
    checkBorn(fleet, observed, models)
    checkKept(observed, models)
    checkUndone(observed)
    checkPins(fleet, models)
  },

  pinned({ named, fleet }, { tenant: { tenant } }) {
    const owners = Object.values(named).map((each) => each.tenant)
    const isHere = owners.some((each) => each?.tenant === tenant && each.spec.fleet === fleet)
    assert.ok(isHere, `an undo of ${fleet} pins ${tenant}, which is in another fleet`)
  },

  liveMoved({ known }, { servers, deployment }, { sha, seq }, { rollout }) {
    // It may have died since the restarter looked.
    assert.ok(known.confirmed.has(`${sha} ${seq}`), `nobody ever confirmed ${seq}, now live`)
    const ready = servers.filter(({ state, isImpaired }) => state.ready && !isImpaired)
    assert.ok(ready.length > 0, `no server was ready when ${seq} became live`)
    for (const { state } of ready) {
      const holds = isHeld(state.config, { sha, seq }) && state.failed.length === 0
      assert.ok(holds, `${state.server} was required and had not confirmed ${seq}, now live`)
    }
    if (rollout?.step.kind !== 'roll') return
    const isDone = deployment?.status.state === 'done'
    assert.ok(isDone, `${seq} became live by a roll that was not done`)
    assert.equal(deployment.pair.config, `${seq}-${sha}`, 'the roll brought another config')
  },

  released(_fleet, { servers }: Seen, { rollout, live }: Channel) {
    if (rollout === undefined || rollout.step.kind === 'recycle') return
    // Under what the fleet runs anyway nothing is to be left.
    if (rollout.seq === (live?.seq ?? 0)) return
    for (const { state, isImpaired, isLate } of servers) {
      const isLeft = [state.config, state.applying].some((each) => isHeld(each, rollout))
      assert.ok(
        !isLeft || isImpaired || isLate,
        `the rollout of ${rollout.seq} ended while ${state.server} still had that config`,
      )
    }
  },

  committed({ commits }, name, { request }) {
    const key = `${name} ${request}`
    commits.set(key, (commits.get(key) ?? 0) + 1)
    assert.equal(commits.get(key), 1, `the request ${key} was committed twice`)
  },

  tried({ known, world: { agents } }, url, { ref: { sha, seq }, fence }) {
    const heard = agents.get(url)?.fence ?? 0
    assert.ok(fence >= heard, `${url} obeys the fence ${fence} although it has heard ${heard}`)
    const trial = known.trials.get(seq)
    if (trial === undefined || known.confirmed.has(`${sha} ${seq}`)) return
    trial.urls.add(url)
    const allowed = 1 + known.excuses - trial.excuses
    assert.ok(
      trial.urls.size <= allowed,
      `${[...trial.urls].join(' and ')} were given ${seq}, which no canary had confirmed`,
    )
  },

  confirmed({ known, channel, world }, url, { sha, seq }) {
    const { confirmed, liveOn } = known
    const live = channel?.live
    const agent = world.agents.get(url)
    if (agent?.confirmed?.failed.length === 0) confirmed.add(`${sha} ${seq}`)
    // With the store away it may start from its cache, which is as old as it is.
    const isBack = seq < (liveOn.get(url) ?? 0) && agent?.channel.kind === 'seen'
    assert.ok(!isBack, `${url} went back to ${seq} behind a config that it had while it was live`)
    if (live?.seq === seq) liveOn.set(url, seq)
  },

  opened(world, url) {
    const agent = world.agents.get(url)
    assert.ok(agent?.confirmed !== undefined, `${url} reports ready and has no config`)
    assert.ok(mayOpen(agent), `${url} reports ready and misses too many models`)
    checkWhole(agent, liveFor(world, url))
  },

  patched: checkPatch,

  served(world, url) {
    const agent = world.agents.get(url)
    for (const [name, entry] of agent?.serverUp ? agent.serving : []) {
      for (const { version, verdict } of entry.versions) {
        const record = world.versions.get(name)?.get(version)
        const taken = record?.verdicts.find(({ n }) => n === verdict)
        const isJudged = taken?.pass === true && record?.fate.gate === true
        assert.ok(isJudged, `${url} answers from ${name} ${version}, which never passed`)
        const isBroken = record.fate.brokenOn.includes(url)
        assert.ok(!isBroken, `${url} answers from ${name} ${version}, which is broken there`)
      }
    }
  },
}

/** What is live in a server's fleet, whether the server can see it or not. */
const liveFor = ({ fleets }: World, url: string): number =>
  fleets.find(({ urls }) => urls.includes(url))?.channel?.live?.seq ?? 0

/** What a pod was rolled out for and never was live, it reports ready with all of it or not at all. */
function checkWhole({ url, confirmed, named }: Agent, liveSeq: number): void {
  const ref = confirmed?.ref
  if (ref === undefined || ref.seq !== named?.seq || ref.seq <= liveSeq) return
  assert.equal(confirmed?.failed.length, 0, `${url} reports ready on a part of ${ref.seq}`)
}

/** Once the new holder has touched the Deployment, nothing that the last one sent may change it. */
function checkPatch({ channel, cluster }: Fleet, from: string): void {
  const holder = channel?.rollout?.holder
  const isTouched = holder !== undefined && cluster?.touch?.by === holder
  assert.ok(!isTouched || from === holder, `a late patch of ${from} came through under ${holder}`)
}

function checkLive(before: Channel | undefined, { live }: Channel): void {
  if (live === undefined || live === before?.live) return
  assert.ok(live.seq > (before?.live?.seq ?? -1), `live went back to ${live.seq}`)
}

/** With no rollout running, a config that a person took back to one that was live asks for an undo. */
function checkUndoByHand({ cluster }: Fleet, before: Channel | undefined, after: Channel): void {
  if (cluster?.manager !== 'kubectl' || before === undefined) return
  const next = before.rollout === undefined ? movedBack(before, after) : takenBack(before, after)
  const way = before.previous.filter(({ sha }) => sha !== before.live?.sha)
  const found = next && way.find((each) => isHeld(each, next))
  // The same hand with the same wish is obeyed once a day.
  if (found === undefined || isHeld(before.undoneByHand, found)) return
  assert.ok(isHeld(after.undo, found), `nobody went back to ${found.seq}, as a person asked`)
}

/** The config to which the noted pod template moved back, if nothing else of it changed. */
function movedBack({ template: was }: Channel, { template: is }: Channel): ConfigRef | undefined {
  const [old, next] = [was, is].map((each) => parseAnnotation(each?.config ?? ''))
  const isBack = old !== undefined && next !== undefined && next.seq < old.seq
  return isBack && was?.sha === is?.sha ? next : undefined
}

/** The same in the middle of a roll, which goes back to what the person left. */
function takenBack({ rollout: was }: Channel, { rollout: is }: Channel): ConfigRef | undefined {
  if (was?.step.kind !== 'roll' || is?.step.kind !== 'back') return undefined
  const { to, seen = false } = is.step.template ?? {}
  const [old, next] = [was.step.template?.to, to].map((each) => parseAnnotation(each?.config ?? ''))
  const isBack = old !== undefined && next !== undefined && next.seq < old.seq
  return seen && isBack ? next : undefined
}

/** What a person asked for is not dropped before it is carried out. */
function checkUndo(before: Channel | undefined, { undo }: Channel): void {
  const open = before && openUndo(before)
  assert.ok(open === undefined || undo !== undefined, `the undo to ${open?.seq} was dropped`)
}

function checkRollout(fleet: Fleet, before: Channel | undefined, { rollout, seq }: Channel): void {
  if (rollout === undefined || rollout === before?.rollout) return
  assert.equal(rollout.fence, seq, 'the fence is the seq of the write')
  // A recycle tries nothing: it runs under what is live, or under the empty config before that.
  if (before?.rollout === undefined && rollout.step.kind === 'apply') beginTrial(fleet, rollout)
}

function isMovedByRestarter(before: Channel, after: Channel): boolean {
  const fields = [
    'live',
    'previous',
    'rejected',
    'rollout',
    'restart',
    'template',
    'undo',
    'freeze',
  ] as const
  return fields.some((field) => before[field] !== after[field])
}

function checkCandidate({ configs }: Fleet, { candidate, seq }: Channel): void {
  assert.equal(candidate?.seq, seq, 'the seq of a config is that of the write that published it')
  assert.ok(configs.has(candidate?.sha ?? ''), 'a candidate is in the store before it is named')
}

/** Whatever was the matter when it was taken excuses as well as what comes later. */
function beginTrial({ known, urls, world }: Fleet, { seq }: ConfigRef): void {
  const excused = urls.filter(
    (url) =>
      !world.agents.has(url) ||
      hasTrouble(world, 'cut', url) ||
      hasTrouble(world, 'stopped', url) ||
      hasTrouble(world, 'away', url),
  )
  const excuses = known.excuses - excused.length
  if (!known.trials.has(seq)) known.trials.set(seq, { urls: new Set(), excuses })
}

const isHeld = (config: ConfigRef | undefined, { sha, seq }: ConfigRef): boolean =>
  config?.sha === sha && config.seq === seq

function passes(named: NamedModel | undefined, version: number, fleet: string): boolean {
  const record = named?.versions.find((each) => each.version === version)
  if (record?.manifest === undefined || !isCommitted(record.manifest)) return false
  return standingVerdict({ ...record, manifest: record.manifest }, fleet)?.pass === true
}
