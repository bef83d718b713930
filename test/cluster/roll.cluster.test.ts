// The original scheme: every config comes by new pods, and `kubectl rollout undo` is a rollback.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { BUILD_MS_MAX } from '../docker/engine.ts'
import { MODEL, ROW } from '../support/sample.ts'
import { until } from './cluster.ts'
import { whyNoLoop } from './loop-images.ts'
import { type Loop, startLoop } from './loop-stack.ts'

const LONG_MS_MAX = 5 * 60_000
const BAD_IMAGE = 'drover/tf-server:nowhere'

const Served = z.object({ models: z.array(z.object({ name: z.string(), note: z.string() })) })
const Predicted = z.object({ predictions: z.array(z.object({ version: z.int().optional() })) })
const Ref = z.object({ seq: z.int(), sha: z.string() })
const Status = z.object({
  why: z.string(),
  deployment: z.looseObject({
    pair: z.object({ config: z.string().optional(), restart: z.string().optional() }),
    trouble: z.string().optional(),
    status: z.object({ state: z.string() }),
  }),
  channel: z.object({
    live: Ref.optional(),
    rollout: z.looseObject({}).optional(),
    undo: z.looseObject({}).optional(),
    undoneByHand: z.looseObject({ by: z.string() }).optional(),
  }),
})
const Events = z.object({ items: z.array(z.object({ reason: z.string(), message: z.string() })) })

const why = await whyNoLoop()
if (why !== undefined) console.log(`no rolls in a cluster: ${why}`)

describe.skipIf(why !== undefined)('delivery: restart', () => {
  let loop: Loop

  beforeAll(async () => {
    const value = { name: 'DROVER_DELIVERY', value: 'restart' }
    const op = { op: 'add', path: '/spec/template/spec/containers/0/env/-', value }
    const target = { kind: 'Deployment', name: 'restarter' }
    const patches = [{ target, patch: JSON.stringify([op]) }]
    loop = await startLoop({ namespace: 'drover-roll', patches })
  }, BUILD_MS_MAX)

  afterAll(async () => await loop?.[Symbol.asyncDispose](), LONG_MS_MAX)

  const status = async () => Status.parse(await loop.call('restarter', '/v1/status'))
  const pods = async () => (await loop.pods()).map(({ uid }) => uid)

  /** Waits until nothing is under way and the pods start with what is live. */
  async function settled(what: string): Promise<z.output<typeof Status>> {
    let seen: z.output<typeof Status> | undefined
    const isSettled = async () => {
      seen = await status()
      const { live, rollout, undo } = seen.channel
      const { pair, status: roll } = seen.deployment
      const isDone = roll.state === 'done' && rollout === undefined && undo === undefined
      return isDone && pair.config === `${live?.seq}-${live?.sha}`
    }
    await until(what, isSettled, LONG_MS_MAX).catch((error: unknown) => {
      throw new Error(`${what}: ${JSON.stringify(seen)}`, { cause: error })
    })
    return seen ?? (await status())
  }

  test(
    'the first config comes by new pods, which start with it',
    async () => {
      const before = await pods()

      const served = await loop.drover(Served, 'onboard', 'dfw', '--sample', 'flights')

      expect(served.models).toMatchObject([{ name: MODEL, note: 'version 1 on 2 of 2 servers' }])
      const { deployment } = await settled('the first config is live')
      expect(deployment.pair.restart).toBe('0')
      const after = await pods()
      expect(after).toHaveLength(2)
      expect(after.filter((uid) => before.includes(uid))).toEqual([])
    },
    LONG_MS_MAX,
  )

  test(
    'a wish replaces every pod and no config',
    async () => {
      const { channel } = await status()
      const before = await pods()

      await loop.drover(z.looseObject({}), 'restart', '--why', 'new nodes')
      await until('the wish is seen', async () => (await status()).channel.rollout !== undefined)
      const after = await settled('the wish is obeyed')

      expect(after.deployment.pair.restart).toBe('1')
      expect(after.channel.live).toEqual(channel.live)
      expect((await pods()).filter((uid) => before.includes(uid))).toEqual([])
    },
    LONG_MS_MAX,
  )

  test(
    'kubectl rollout undo of a config is a rollback',
    async () => {
      const first = await status()
      const trained = await loop.drover(Served, 'train', 'dfw')
      expect(trained.models).toMatchObject([{ name: MODEL, note: 'version 2 on 2 of 2 servers' }])
      const second = await settled('version 2 is live')

      await loop.kubectl('rollout', 'undo', 'deployment/tf-server')
      await until(
        'the undo is seen',
        async () => {
          const { live } = (await status()).channel
          return (live?.seq ?? 0) > (second.channel.live?.seq ?? 0)
        },
        LONG_MS_MAX,
      )
      const third = await settled('the undo is live')

      // By this the restarter knows a person.
      expect(third.channel.undoneByHand?.by).toBe('kubectl')
      // The same content under a seq of its own.
      expect(third.channel.live?.sha).toBe(first.channel.live?.sha)
      const { predictions } = await loop.drover(Predicted, 'predict', MODEL, JSON.stringify(ROW))
      expect(predictions).toHaveLength(1)
    },
    2 * LONG_MS_MAX,
  )

  test(
    'an image that cannot be had is told, harms nobody and is for a person to take back',
    async () => {
      await loop.kubectl('set', 'image', 'deployment/tf-server', `tf-server=${BAD_IMAGE}`)
      await until(
        'it is told',
        async () => {
          const { trouble = '' } = (await status()).deployment
          return trouble.includes('ErrImageNeverPull') || trouble.includes('ImagePull')
        },
        LONG_MS_MAX,
      )

      await loop.drover(Predicted, 'predict', MODEL, JSON.stringify(ROW))
      await loop.kubectl('rollout', 'undo', 'deployment/tf-server')
      const after = await settled('the image is back')

      expect(after.deployment.trouble).toBeUndefined()
      const said = await loop.kubectl('get', 'events', '-o', 'json')
      const { items } = Events.parse(JSON.parse(said))
      const reasons = new Set(items.map(({ reason }) => reason))
      for (const reason of [
        'RolloutStarted',
        'TemplatePatched',
        'ConfigLive',
        'UndoRequested',
        'PodsNotReady',
      ]) {
        expect(reasons).toContain(reason)
      }
    },
    LONG_MS_MAX,
  )
})
