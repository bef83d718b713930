// The whole loop in a cluster, as docs/kubernetes.md has it: the local overlay, the sample, both servers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GrpcClient } from '../contract/grpc-client.ts'
import { BUILD_MS_MAX } from '../docker/engine.ts'
import { labelByGrpc, MODEL, ROW } from '../support/sample.ts'
import { whyNoLoop } from './loop-images.ts'
import { type Loop, startLoop } from './loop-stack.ts'

const LONG_MS_MAX = 5 * 60_000

const Served = z.object({ models: z.array(z.object({ name: z.string(), note: z.string() })) })
const Predicted = z.object({ predictions: z.array(z.object({ prediction: z.json() })) })
const Answered = z.object({ predictions: z.tuple([z.looseObject({ label: z.string() })]) })
const Pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ labels: z.object({ app: z.string() }) }),
      spec: z.object({
        volumes: z.array(z.object({ projected: z.unknown().optional() })),
        containers: z.array(
          z.object({ volumeMounts: z.array(z.object({ mountPath: z.string() })) }),
        ),
      }),
      status: z.object({
        containerStatuses: z.array(z.object({ ready: z.boolean(), restartCount: z.int() })),
      }),
    }),
  ),
})
const APPS = [
  'config-publisher',
  'console',
  'redis',
  'restarter',
  's3',
  'tf-server',
  'trainer-scheduler',
]
/** Where a pod finds the token of its ServiceAccount. */
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

const why = await whyNoLoop()
if (why !== undefined) console.log(`no whole Drover in a cluster: ${why}`)

describe.skipIf(why !== undefined)('kubectl apply -k', () => {
  let loop: Loop

  beforeAll(async () => {
    loop = await startLoop({ namespace: 'drover-loop' })
  }, BUILD_MS_MAX)

  afterAll(async () => await loop?.[Symbol.asyncDispose](), LONG_MS_MAX)

  const pods = async () => Pods.parse(JSON.parse(await loop.kubectl('get', 'pods', '-o', 'json')))

  test('brings up everything, which is ready at the first try', async () => {
    const { items } = await pods()
    const states = items.map(({ metadata, status }) => {
      const said = status.containerStatuses.map(
        ({ ready, restartCount }) => `${ready ? 'ready' : 'unready'}, ${restartCount} restarts`,
      )
      return `${metadata.labels.app}: ${said.join()}`
    })

    const apps = [...APPS, 'tf-server'].map((app) => `${app}: ready, 0 restarts`)
    expect(new Set(states)).toEqual(new Set(apps))
    expect(states).toHaveLength(apps.length)
  })

  test('gives a token of the API server to the restarter alone', async () => {
    const { items } = await pods()
    const holders = items.filter(
      ({ spec }) =>
        spec.volumes.some(({ projected }) => projected !== undefined) ||
        spec.containers.some(({ volumeMounts }) =>
          volumeMounts.some(({ mountPath }) => mountPath.startsWith(TOKEN_PATH)),
        ),
    )

    expect(holders.map(({ metadata }) => metadata.labels.app)).toEqual(['restarter'])
  })

  test(
    'a tenant of the sample is trained, published on both servers and answered through the Service',
    async () => {
      const served = await loop.drover(Served, 'onboard', 'dfw', '--sample', 'flights')

      expect(served.models).toMatchObject([{ name: MODEL, note: 'version 1 on 2 of 2 servers' }])
      const { predictions } = await loop.drover(Predicted, 'predict', MODEL, JSON.stringify(ROW))
      const body = JSON.stringify({ instances: [ROW] })
      const byRest = await fetch(`${loop.rest}/v1/models/${MODEL}:predict`, {
        method: 'POST',
        body,
      })
      const rest = Answered.parse(await byRest.json())
      expect(rest.predictions).toEqual(predictions.map(({ prediction }) => prediction))
      using client = new GrpcClient(loop.grpc)
      expect(await labelByGrpc(client)).toBe(rest.predictions[0].label)
    },
    LONG_MS_MAX,
  )

  test(
    'a second version is confirmed on both servers',
    async () => {
      const trained = await loop.drover(Served, 'train', 'dfw')

      expect(trained.models).toMatchObject([{ name: MODEL, note: 'version 2 on 2 of 2 servers' }])
    },
    LONG_MS_MAX,
  )

  test(
    'the command line in the cluster sees the same',
    async () => {
      const ask = ['exec', 'deploy/console', '--', '/app/run', 'status', '--json']
      const Status = z.object({
        models: z.array(z.object({ name: z.string(), stage: z.string() })),
      })

      const { models } = Status.parse(JSON.parse(await loop.kubectl(...ask)))

      expect(models).toEqual([{ name: MODEL, stage: 'served' }])
    },
    LONG_MS_MAX,
  )
})
