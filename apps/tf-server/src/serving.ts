import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '@drover/basics'
import { AgentError } from './errors.ts'
import { missingIn } from './observe.ts'
import type { Ports } from './ports.ts'
import { load, withoutCulprits } from './serve/load.ts'
import type { ModelServer } from './serve/model-server.ts'
import { watchPulse } from './serve/watchdog.ts'
import { toDisk } from './confirm.ts'

/** An end so soon after a change of the config is held against the config. */
const NEWLY_APPLIED_MS = 10_000
/** One that ran this long starts again at once, however often others ended before it. */
const STEADY_MS = 60_000
const BACKOFF_MS_MIN = 100
const BACKOFF_MS_MAX = 10_000
const TIMER_SLACK_MS = 5
/** PROTOCOL 6: two model servers run at once only if this much of one more fits. */
const MEMORY_MARGIN = 1.2

/** Starts a model server and gives it back everything that was served. The first one waits for `open`. */
export async function startServing(ports: Ports): Promise<void> {
  const { memory, log } = ports
  const server = await begin(ports)
  if (server === undefined) return
  memory.server = server
  watch(ports, server)
  await giveAll(ports, server)
  if (memory.wasOpen) await server.admin.accept()
  log.info({ pid: server.pid, models: memory.serving.size }, 'model server started')
}

/**
 * Replaces the model server: the next one takes over on the same socket once it serves everything,
 * and only then the old one stops accepting. Where memory is short the old one goes first, and
 * requests wait in the socket's queue.
 */
export async function recycle(ports: Ports): Promise<void> {
  const { memory, log } = ports
  const old = memory.server
  if (ports.starter.replaces === 'never')
    throw new AgentError('REFUSED', "the model server is not this agent's to replace: roll its pod")
  if (old !== undefined && !(await fitsTwice(ports, old))) return await recycleInPlace(ports, old)
  const next = await begin(ports)
  if (next === undefined) throw new AgentError('SERVER_ENDED', 'no second model server starts')
  try {
    await fill(ports, next)
    if (memory.wasOpen) await next.admin.accept()
  } catch (error) {
    await next.kill()
    throw error
  }
  memory.server = next
  watch(ports, next)
  log.info({ pid: next.pid, models: memory.serving.size }, 'model server recycled')
  await old?.drain()
}

/** Requests wait in the socket's queue; where that goes with the process, none may come by then. */
async function recycleInPlace(ports: Ports, old: ModelServer): Promise<void> {
  const { memory, log, starter, stopWaitMs } = ports
  log.warn({ pid: old.pid }, 'no second model server can start: restarting in place')
  memory.isOpen = false
  if (starter.replaces === 'after') await sleep(stopWaitMs)
  memory.server = undefined
  await old.drain()
  await startServing(ports)
}

async function fitsTwice(
  { availableBytes, starter }: Ports,
  server: ModelServer,
): Promise<boolean> {
  if (starter.replaces !== 'beside') return false
  return availableBytes() > (await server.residentBytes()) * MEMORY_MARGIN
}

/** Starts a process; undefined when it does not come up, which is tried again later. */
async function begin(ports: Ports): Promise<ModelServer | undefined> {
  const { memory, disk, starter, log } = ports
  let server: ModelServer
  try {
    server = await starter.start()
  } catch (err) {
    log.error({ err }, 'model server does not start')
    memory.ends += 1
    putOff(ports)
    return undefined
  }
  memory.recycles += 1
  try {
    await disk.update({ recycles: memory.recycles })
  } catch (err) {
    memory.impaired = reasonOf(err)
    log.error({ err }, 'the start of a model server cannot be noted')
  }
  return server
}

function putOff({ memory, now, nudge }: Ports): void {
  const waitMs = memory.ends <= 1 ? 0 : BACKOFF_MS_MIN * 2 ** Math.min(memory.ends - 2, 10)
  const boundedMs = Math.min(waitMs, BACKOFF_MS_MAX)
  memory.startAt = now() + boundedMs
  // A timer may fire a little before its time, and the plan would find it too early.
  nudge(boundedMs === 0 ? 0 : boundedMs + TIMER_SLACK_MS)
}

/** The second server must serve all that the first serves; it is of no use otherwise. */
async function fill(ports: Ports, server: ModelServer): Promise<void> {
  const { culprits } = await loadAll(ports, server)
  const [first] = culprits
  if (first === undefined) return
  const message = `${first.name} version ${first.version} fails on the second model server`
  throw new AgentError('SERVER_ENDED', message, { cause: new Error(first.reason) })
}

/** After an end: what no longer works is left out, and said. */
async function giveAll(ports: Ports, server: ModelServer): Promise<void> {
  const { memory } = ports
  try {
    const { culprits, drifting } = await loadAll(ports, server)
    if (memory.confirmed !== undefined) memory.confirmed = { ...memory.confirmed, drifting }
    if (culprits.length === 0 || memory.confirmed === undefined) return
    const names = new Set(culprits.map(({ name }) => name))
    const broken = [...memory.serving].filter(([name]) => names.has(name))
    const retreats = broken.map((named) => [named[0], withoutCulprits(named, culprits)] as const)
    for (const [name, entry] of retreats) {
      if (entry === undefined) memory.serving.delete(name)
      else memory.serving.set(name, entry)
    }
    const { failed } = memory.confirmed
    memory.confirmed = { ...memory.confirmed, failed: [...failed, ...culprits] }
    await ports.disk.update(toDisk(memory.confirmed, memory.serving))
  } catch (error) {
    // Half filled it is worth nothing. Its end leads to the next start.
    await server.kill()
    throw error
  }
}

async function loadAll({ memory, tree, versions }: Ports, { admin }: ModelServer) {
  return await load({ admin, tree, versions }, [...memory.serving], [])
}

/** Hears of the end of the model server that serves; one that was replaced ends unheard. */
function watch(ports: Ports, server: ModelServer): void {
  const { log, pulse } = ports
  const { pid } = server
  const onWedged = (why: string): void => log.error({ pid, why }, 'model server is wedged')
  void watchPulse(server, { pulse, onWedged })
  void server.ended.then((how) => ended(ports, server, how))
}

function ended(ports: Ports, server: ModelServer, how: string): void {
  const { memory, disk, log, now, stop } = ports
  if (memory.server !== server || stop.aborted) return
  const isFresh = now() - memory.changedAt < NEWLY_APPLIED_MS
  const under = disk.value.applying ?? (isFresh ? memory.confirmed?.ref : undefined)
  log.error({ how, pid: server.pid, under }, 'model server ended')
  memory.server = undefined
  memory.end = { under, isNoted: false }
  if (memory.isOpen) memory.missingBefore = missingIn(memory)
  memory.isOpen = false
  const isSteady = Date.now() - (server.since?.getTime() ?? 0) > STEADY_MS
  memory.ends = isSteady ? 1 : memory.ends + 1
  putOff(ports)
}

/** Puts the end of a model server on disk, so that it is still reported after the agent's own. */
export async function noteEnd({ memory, disk, log }: Ports): Promise<void> {
  const { end } = memory
  if (end === undefined) return
  // It stays in memory as well: a full disk must not keep the models from being served again.
  end.isNoted = true
  try {
    await disk.settle(['applying'], end.under === undefined ? {} : { endedUnder: end.under })
  } catch (err) {
    memory.impaired = reasonOf(err)
    log.error({ err }, 'the end of the model server cannot be noted')
  }
}
