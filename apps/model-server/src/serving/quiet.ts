import { setTimeout } from 'node:timers/promises'

const LOOK_MS = 10

/** Resolves when there has been no connection for `quietMs`, after `msMax` at the latest. */
export async function untilQuiet(
  connections: () => number,
  msMax: number,
  quietMs: number,
): Promise<void> {
  const untilMs = performance.now() + msMax
  let busyMs = performance.now()
  for (let nowMs = busyMs; nowMs < untilMs; nowMs = performance.now()) {
    if (connections() > 0) busyMs = nowMs
    else if (nowMs - busyMs >= quietMs) return
    await setTimeout(LOOK_MS)
  }
}
