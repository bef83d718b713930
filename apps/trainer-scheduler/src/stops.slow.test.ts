import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { claimKey, requestOf } from '@drover/model-config'
import { createJson, openPosixStore } from '@drover/model-store'
import { newTraceparent } from '@drover/service'
import { startTrainer } from '@drover/training'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { HOST } from './host.ts'
import { readVersions } from './observe.ts'
import { requestTraining } from './tenants.ts'
import {
  type Bench,
  commitsOf,
  makeCsv,
  makeSpec,
  startBench,
  startRig,
} from './scheduler.fixture.ts'
import { LATE, WAIT, waitForCommits, waitForView } from './waits.fixture.ts'

/** Above the highest pid that the kernel gives. */
const NO_PID = 2 ** 22 + 1

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.trainer.warm()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

/** A store in which version 1 is there, and version 2 is claimed by a process on `host`. */
async function leaveClaim(name: string, host: string): Promise<void> {
  {
    await using rig = await startRig(bench, { name })
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))
    await waitForCommits(rig, 1)
  }
  await using store = await openPosixStore(join(bench.directory, name, 'store'))
  const now = Date.now()
  const registry = { store, now: () => now, checkModel: async () => {} }
  const { tenant } = await requestTraining(registry, LATE, newTraceparent())
  await createJson(store, claimKey(LATE, 2), {
    format: 1,
    run: crypto.randomUUID(),
    request: requestOf(tenant, LATE.model, now)?.id,
    born: 1,
    traceparent: newTraceparent(),
    host,
    at: new Date(now).toISOString(),
    deadline: new Date(now + 600_000).toISOString(),
  })
}

describe('a claim that was left behind', () => {
  test('by a process of this machine that is gone is given up at the next start', async () => {
    const [machine, namespace] = HOST.split('/')
    await leaveClaim('left', [machine, namespace, NO_PID, 1].join('/'))

    await using rig = await startRig(bench, { name: 'left' })
    const commits = await waitForCommits(rig, 2)

    expect(commits.map(({ version }) => version)).toEqual([3, 1])
  })

  test('by another machine is waited for', async () => {
    await leaveClaim('elsewhere', 'elsewhere/1/2/3')

    await using rig = await startRig(bench, { name: 'elsewhere' })
    const view = await waitForView(rig, 'acme', ({ running }) => running)

    expect(view).toMatchObject({ due: true, why: 'version 2 is being made' })
    expect(await commitsOf(rig.store, LATE)).toHaveLength(1)
  })
})

describe('a stop', () => {
  test('in the middle of a training gives the claim up, and the next start trains', async () => {
    const commands = {
      slow: {
        argv: [process.execPath, '-e', 'setInterval(() => {}, 1000)', '--'],
        // Only the stop ends it while the test lasts.
        timeoutMs: 3_600_000,
      },
    }
    const rig = await startRig(bench, { name: 'stop', commands })
    const upload = await rig.upload('acme/late', makeCsv())
    const late = { recipe: { name: 'command', command: 'slow' }, data: { upload } }
    await rig.call('PUT', '/v1/tenants/acme', { models: { late } })
    await waitForView(rig, 'acme', ({ running }) => running)
    await rig[Symbol.asyncDispose]()
    await using next = await startRig(bench, { name: 'stop', commands })
    await waitForView(next, 'acme', ({ running }) => running)

    const versions = await readVersions(next.store, LATE)

    expect(versions.map(({ version, manifest }) => ({ version, manifest }))).toEqual([
      { version: 2, manifest: undefined },
      { version: 1, manifest: expect.objectContaining({ aborted: 'the scheduler stopped' }) },
    ])
    expect(await next.store.list('runs/acme/late')).toEqual([])
    await vi.waitUntil(async () => (await readdir(next.scheduler.workRoot)).length === 1, WAIT)
  })

  test('leaves nothing in the work folder, also of a process that was killed', async () => {
    const root = join(bench.directory, 'sweep', 'work')
    const [machine, namespace] = HOST.split('/')
    await mkdir(join(root, [machine, namespace, NO_PID, 1, 'abc'].join('~')), {
      recursive: true,
    })
    await mkdir(join(root, 'of-somebody-else'))

    const rig = await startRig(bench, { name: 'sweep' })
    await rig[Symbol.asyncDispose]()

    expect(await readdir(root)).toEqual(['of-somebody-else'])
  })
})

test('a training process that is killed in the middle does not cost the tenant its version', async () => {
  const trainer = startTrainer()
  await using _ = { [Symbol.asyncDispose]: async () => await trainer[Symbol.asyncDispose]() }
  await trainer.warm()
  const killed = trainer.pid
  await using rig = await startRig(bench, { name: 'killed', openTrainer: () => trainer })
  if (killed !== undefined) process.kill(killed, 'SIGKILL')
  await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))

  expect(await waitForCommits(rig, 1)).toHaveLength(1)
})
