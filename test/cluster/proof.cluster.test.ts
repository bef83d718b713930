// No request fails: every fault of a cluster, one after another, under the load of clients that know
// nothing of Kubernetes and try nothing twice. DROVER_PROOF=long has each of them as often as it takes
// to believe it.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUILD_MS_MAX } from '../docker/engine.ts'
import { isOurs, killApiServer, startApiServer, until } from './cluster.ts'
import { whyNoLoop } from './loop-images.ts'
import type { Pod } from './pods.ts'
import { type Fleet, FRAIL, MODELS, NODES, startFleet } from './proof/fleet.ts'
import { OF_PUBLISH, OF_RECYCLE, OF_ROLL, withKillAt } from './proof/kills.ts'
import { kubeletOf, processOf, silence } from './proof/nodes.ts'
import { deliver, recycleAll, rollAll } from './proof/replace.ts'
import { killingModel, putVersion } from './proof/versions.ts'

const isLong = process.env.DROVER_PROOF === 'long'
const TIMES = isLong
  ? { rolls: 20, recycles: 20, publishes: 1_000, pods: 20, kills: 5 }
  : { rolls: 1, recycles: 1, publishes: 10, pods: 1, kills: 1 }
const AWAY_MS = isLong ? 120_000 : 20_000
const KUBELET_MS = isLong ? 60_000 : 20_000
const ONE_MS_MAX = 180_000
const FAULT_MS_MAX = isLong ? 60 * 60_000 : 5 * 60_000
const FRAIL_ID = { tenant: 'proof-c', model: 'sum' }
const KINDS = ['rest', 'rest, slow', 'grpc-js', 'grpc core']

const why = isOurs() ? await whyNoLoop() : 'the cluster is not ours to break'
if (why !== undefined) console.log(`no proof: ${why}`)

describe.skipIf(why !== undefined)('no request fails', () => {
  let fleet: Fleet

  beforeAll(async () => {
    fleet = await startFleet()
    await settled()
  }, BUILD_MS_MAX)
  afterAll(async () => await fleet?.[Symbol.asyncDispose](), BUILD_MS_MAX)

  /** As it should be: a ready server on each node, and nobody else. */
  async function settled(): Promise<Pod[]> {
    let pods: Pod[] = []
    await until(
      'a server is ready on each node',
      async () => {
        pods = await fleet.pods()
        const ready = pods.filter(({ isReady }) => isReady).map(({ node }) => node)
        return pods.length === NODES.length && ready.toSorted().join() === NODES.join()
      },
      ONE_MS_MAX,
    )
    return pods
  }

  /** What clients were refused, or got wrong, meanwhile; in the end a publish comes to all as ever. */
  async function failuresOf(work: () => Promise<void>): Promise<unknown[]> {
    const { right, failures } = await fleet.underLoad(async () => {
      await work()
      await settled()
      await publishAll(1)
    })
    const unheard = KINDS.filter((kind) => (right[kind] ?? 0) === 0)
    return [...failures, ...unheard.map((kind) => `nobody asked by ${kind}`)]
  }

  async function publishAll(times: number): Promise<void> {
    for (let turn = 0; turn < times; turn++) await fleet.publish(MODELS[turn % MODELS.length] ?? '')
  }

  test(
    `while ${TIMES.publishes} versions are published`,
    async () => {
      expect(
        await failuresOf(async () => {
          await publishAll(TIMES.publishes)
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    `while the model servers are replaced, ${TIMES.recycles} times`,
    async () => {
      expect(
        await failuresOf(async () => {
          for (let turn = 0; turn < TIMES.recycles; turn++) await recycleAll(fleet)
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    `while pods are deleted, ${TIMES.pods} of them`,
    async () => {
      expect(
        await failuresOf(async () => {
          for (let turn = 0; turn < TIMES.pods; turn++) {
            const pods = await settled()
            await fleet.kubectl('delete', 'pod', pods[turn % pods.length]?.name ?? '')
          }
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    'while a kubelet stands still',
    async () => {
      expect(
        await failuresOf(async () => {
          const pid = kubeletOf('node2')
          process.kill(pid, 'SIGSTOP')
          try {
            await publishAll(2)
            await sleep(KUBELET_MS)
          } finally {
            process.kill(pid, 'SIGCONT')
          }
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    'while the store is away',
    async () => {
      expect(
        await failuresOf(async () => {
          const [store] = await fleet.pods('s3')
          using silent = silence(store?.node ?? '', store?.ip ?? '')
          await sleep(AWAY_MS)
          expect(silent).toBeDefined()
          expect((await fleet.pods()).filter(({ isReady }) => isReady)).toHaveLength(NODES.length)
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    'while the API server is away',
    async () => {
      expect(
        await failuresOf(async () => {
          killApiServer()
          try {
            await publishAll(2)
            await sleep(AWAY_MS)
          } finally {
            await startApiServer()
          }
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    'when a version that passed the gate kills what runs it',
    async () => {
      expect(
        await failuresOf(async () => {
          await putVersion(fleet.store, FRAIL_ID, { version: 2, content: killingModel() })
          const seq = await fleet.pin(FRAIL_ID, 2)
          await until(
            'the config is rejected for it',
            async () => (await fleet.channel()).rejected.some((each) => each.seq >= seq),
            ONE_MS_MAX,
          )
          const { rejected } = await fleet.channel()
          console.log(JSON.stringify(rejected.at(-1)?.culprits))
          expect(rejected.at(-1)).toMatchObject({
            kind: 'model',
            culprits: [{ name: FRAIL, version: 2 }],
          })
          await fleet.call('config-publisher', '/v1/release', { ...FRAIL_ID, why: 'the proof' })
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    `while the restarter is killed in the middle of publishes${isLong ? ' and of a recycle' : ''}`,
    async () => {
      expect(
        await failuresOf(async () => {
          for (const moment of isLong ? OF_PUBLISH : OF_PUBLISH.slice(0, 1))
            await withKillAt(fleet, moment, async () => await publishAll(1))
          if (isLong) await withKillAt(fleet, OF_RECYCLE, async () => await recycleAll(fleet))
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    `while all pods are replaced, ${TIMES.rolls} times, and the restarter is killed at each step in turn`,
    async () => {
      expect(
        await failuresOf(async () => {
          await deliver(fleet, 'restart')
          for (let turn = 0; turn < TIMES.rolls; turn++) {
            await settled()
            const moment = OF_ROLL[turn % OF_ROLL.length] ?? OF_ROLL[0]
            await withKillAt(fleet, moment, async () => await rollAll(fleet))
          }
          await deliver(fleet, 'reload')
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    'when an image cannot be had, until a person takes it back',
    async () => {
      expect(
        await failuresOf(async () => {
          const before = (await settled()).map(({ uid }) => uid)
          await fleet.kubectl('set', 'image', 'deployment/tf-server', 'tf-server=drover/none:1')
          await until(
            'the restarter says so',
            async () =>
              /ErrImage|ImagePull/.test(
                JSON.stringify(await fleet.call('restarter', '/v1/status')),
              ),
            ONE_MS_MAX,
          )
          await fleet.kubectl('rollout', 'undo', 'deployment/tf-server')
          expect((await settled()).map(({ uid }) => uid).toSorted()).toEqual(before.toSorted())
        }),
      ).toEqual([])
    },
    FAULT_MS_MAX,
  )

  test(
    `of clients that try again, when servers are killed without a word, ${TIMES.kills} times`,
    async () => {
      const { right, failures } = await fleet.underLoad(
        async () => {
          for (let turn = 0; turn < TIMES.kills; turn++) {
            const pods = await settled()
            const { uid = '' } = pods[turn % pods.length] ?? {}
            process.kill(processOf(uid, 'tf-server/dist/main.js'), 'SIGKILL')
            await until(
              'it is missed',
              async () => (await fleet.pods()).some(({ isReady }) => !isReady),
              ONE_MS_MAX,
            )
            await settled()
          }
        },
        { hasRetries: true },
      )
      expect(failures.filter(({ what }) => what !== 'late')).toEqual([])
      expect(right['rest']).toBeGreaterThan(0)
      expect(right['grpc-js']).toBeGreaterThan(0)
    },
    FAULT_MS_MAX,
  )
})
