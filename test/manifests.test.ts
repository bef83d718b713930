// What the numbers in deploy/kubernetes have to do with each other.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

const BASE = join(import.meta.dirname, '../deploy/kubernetes/base')
/** What an agent takes to close besides, see its main.ts. */
const CLOSE_S = 10
/** From the end of a pod until the last proxy knows, on a cluster that is busy. */
const PROPAGATION_S = 5

const Probe = z.object({
  httpGet: z.object({ path: z.string(), port: z.literal('agent') }),
  periodSeconds: z.number(),
  timeoutSeconds: z.number(),
  failureThreshold: z.number(),
})
type Probe = z.output<typeof Probe>

const Container = z.object({
  /** A hook would hold back the signal at which the agent begins. */
  lifecycle: z.undefined().optional(),
  env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
  startupProbe: Probe,
  readinessProbe: Probe,
  livenessProbe: Probe,
})

const Deployment = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    replicas: z.number(),
    minReadySeconds: z.number(),
    progressDeadlineSeconds: z.number(),
    strategy: z.object({
      rollingUpdate: z.object({ maxUnavailable: z.literal(0), maxSurge: z.literal(1) }),
    }),
    template: z.object({
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([Container]),
      }),
    }),
  }),
})

function readDeployment() {
  const text = readFileSync(join(BASE, 'tf-server.yaml'), 'utf8')
  const { spec } = Deployment.parse(parseAllDocuments(text).at(-1)?.toJS())
  const { terminationGracePeriodSeconds: graceS, containers } = spec.template.spec
  const env = new Map(containers[0].env.map(({ name, value }) => [name, value]))
  const ms = (name: string): number => Number(env.get(name)) / 1_000
  return {
    spec,
    graceS,
    container: containers[0],
    waitS: ms('DROVER_STOP_WAIT_MS'),
    drainS: ms('DROVER_STOP_DRAIN_MS'),
    channels: channelArgumentsOf(env.get('DROVER_MODEL_SERVER_FLAGS')),
  }
}

/** Seconds by name, of a flag that a server gets. */
function channelArgumentsOf(flags = ''): Record<string, number> {
  const given = /--grpc_channel_arguments=(\S+)/.exec(flags)?.[1] ?? ''
  const pairs = given.split(',').map((pair) => pair.split('='))
  return Object.fromEntries(pairs.map(([name = '', value]) => [name, Number(value) / 1_000]))
}

/** From a change until so many probes have failed. */
const noticedS = ({ periodSeconds, timeoutSeconds, failureThreshold }: Probe): number =>
  (periodSeconds + timeoutSeconds) * failureThreshold

test('a pod goes on until everybody knows that it ends, whether by its end or by its probes', () => {
  const { container, waitS } = readDeployment()

  expect(waitS).toBeGreaterThan(noticedS(container.readinessProbe))
  expect(waitS).toBeGreaterThanOrEqual(2 * PROPAGATION_S)
})

test('a pod is not killed before it has waited, drained and closed', () => {
  const { graceS, waitS, drainS } = readDeployment()

  expect(graceS).toBeGreaterThan(waitS + drainS + CLOSE_S)
})

test('a call may take as long when its connection comes of age as when its pod ends', () => {
  const { channels, drainS } = readDeployment()

  expect(channels['grpc.max_connection_age_grace_ms']).toBe(drainS)
  expect(channels['grpc.max_connection_age_ms']).toBeGreaterThan(drainS)
})

test('a pod that is slow to start is no failed roll, and one that hangs is not ended while it drains', () => {
  const { spec, container, waitS, drainS } = readDeployment()
  const { startupProbe, livenessProbe, readinessProbe } = container

  expect(spec.progressDeadlineSeconds).toBeGreaterThan(
    startupProbe.periodSeconds * startupProbe.failureThreshold + spec.minReadySeconds,
  )
  expect(noticedS(livenessProbe)).toBeGreaterThan(waitS + drainS)
  expect(noticedS(livenessProbe)).toBeGreaterThan(noticedS(readinessProbe))
  expect(spec.replicas).toBeGreaterThan(1)
})
