// What the tests of the scheduler wait for.

import { vi } from 'vitest'
import { commitsOf, type ModelView, type Rig, viewOf } from './scheduler.fixture.ts'

export const WAIT = { timeout: 30_000, interval: 10 }
/** The model that most of them train. */
export const LATE = { tenant: 'acme', model: 'late' }

/** Its committed versions, once there are so many. */
export async function waitForCommits(rig: Rig, count: number) {
  return await vi.waitUntil(async () => {
    const commits = await commitsOf(rig.store, LATE)
    return commits.length >= count && commits
  }, WAIT)
}

/** The first view of the model `late` that fits. */
export async function waitForView(rig: Rig, tenant: string, fits: (view: ModelView) => boolean) {
  return await vi.waitUntil(async () => {
    const view = await viewOf(rig, tenant)
    return fits(view) && view
  }, WAIT)
}
