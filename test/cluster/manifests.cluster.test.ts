// What the numbers and rights in deploy/kubernetes have to do with each other.

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { hasCluster, kubectl } from './cluster.ts'

const BASE = join(import.meta.dirname, '../../deploy/kubernetes/base')
/** How long requests that came before the end may take, and how long a loaded node may lag. */
const LONGEST_REQUEST_S = 30

const Probe = z.object({
  httpGet: z.object({ path: z.string(), port: z.literal('agent') }),
  periodSeconds: z.number(),
  failureThreshold: z.number(),
})
const TfServer = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    minReadySeconds: z.number(),
    progressDeadlineSeconds: z.number(),
    strategy: z.object({ rollingUpdate: z.object({ maxUnavailable: z.literal(0) }) }),
    template: z.object({
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({ runAsNonRoot: z.literal(true) }),
        containers: z.tuple([
          z.object({
            startupProbe: Probe,
            readinessProbe: Probe,
            livenessProbe: Probe,
            lifecycle: z.object({
              preStop: z.object({ sleep: z.object({ seconds: z.number() }) }),
            }),
            securityContext: z.object({
              allowPrivilegeEscalation: z.literal(false),
              readOnlyRootFilesystem: z.literal(true),
            }),
          }),
        ]),
      }),
    }),
  }),
})
const Manifest = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })

/** The objects of the base: kubectl prints one JSON document after the other. */
function readBase() {
  const text = kubectl([
    'create',
    '--dry-run=client',
    '--validate=strict',
    '-o',
    'json',
    '-k',
    BASE,
  ])
  const json: unknown = JSON.parse(`[${text.replaceAll(/^\}\n\{$/gm, '},{')}]`)
  return z.array(Manifest).parse(json)
}

describe.skipIf(!hasCluster)('the manifests', () => {
  test('give a server the time that it needs to start and to end', () => {
    const { spec } = TfServer.parse(
      readBase().find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'tf-server',
      ),
    )
    const pod = spec.template.spec
    const { startupProbe, readinessProbe, lifecycle } = pod.containers[0]

    const startS = startupProbe.periodSeconds * startupProbe.failureThreshold
    const unreadyS = readinessProbe.periodSeconds * readinessProbe.failureThreshold
    const drainS = lifecycle.preStop.sleep.seconds

    expect(spec.progressDeadlineSeconds).toBeGreaterThan(startS + spec.minReadySeconds)
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drainS + LONGEST_REQUEST_S)
    expect(drainS).toBeGreaterThan(unreadyS)
  })

  test('name every server of the restarter, ready or not, and keep tokens from servers', () => {
    const byName = new Map(
      readBase().map((object) => [`${object.kind} ${object.metadata.name}`, object]),
    )

    expect(byName.get('Service tf-server-agents')).toMatchObject({
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    })
    expect(byName.get('ServiceAccount drover-tf-server')).toMatchObject({
      automountServiceAccountToken: false,
    })
    expect(byName.get('PodDisruptionBudget tf-server')).toMatchObject({
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    })
  })
})
