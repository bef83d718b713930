// What an API server says of deploy/kubernetes; how the numbers follow from each other is in ../manifests.test.ts.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { run } from '../docker/engine.ts'
import { ROOT } from '../support/root.ts'
import { asPod, ACCOUNT, CONFIG } from './clients.ts'
import { applyBase, hasCluster, kubectl, NAMESPACE, removeBase } from './cluster.ts'
import { writeOverlay } from './own-overlay.ts'

const KUBERNETES = join(ROOT, 'deploy/kubernetes')
const OVERLAY = join(ROOT, 'test/cluster/overlay')
/** Where nothing is made: the API server only says what it would do. */
const DRY = 'drover-dry'
const STRICT = { 'pod-security.kubernetes.io/warn': 'restricted' }

const Labels = z.record(z.string(), z.string())
const Selector = z.object({
  matchLabels: Labels.default({}),
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.literal('In'), values: z.string().array() }))
    .default([]),
})
type Selector = z.output<typeof Selector>

const Workload = z.object({
  kind: z.enum(['Deployment', 'StatefulSet']),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.object({
        containers: z.array(
          z.object({
            ports: z.array(z.object({ name: z.string(), containerPort: z.int() })).default([]),
          }),
        ),
      }),
    }),
  }),
})
const Ports = z.array(z.object({ port: z.union([z.string(), z.int()]) })).default([])
const Peers = z.array(z.object({ podSelector: Selector.optional() })).optional()
const Policy = z.object({
  kind: z.literal('NetworkPolicy'),
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    podSelector: Selector,
    policyTypes: z.string().array(),
    ingress: z.array(z.object({ from: Peers, ports: Ports })).default([]),
    egress: z.array(z.object({ to: Peers, ports: Ports })).default([]),
  }),
})
type Policy = z.output<typeof Policy>
const Any = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })

const read = (overlay: string) =>
  parseAllDocuments(kubectl(['kustomize', join(KUBERNETES, overlay)])).map((document) =>
    Any.parse(document.toJS()),
  )

const selects = ({ matchLabels, matchExpressions }: Selector, labels: Record<string, string>) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))

/** The parts that a set of objects has, with their labels and ports. */
function readParts(objects: readonly unknown[]) {
  const found = objects
    .map((object) => Workload.safeParse(object))
    .flatMap(({ data }) => data ?? [])
  return found.map(({ metadata, spec }) => ({
    name: metadata.name,
    labels: spec.template.metadata.labels,
    ports: spec.template.spec.containers.flatMap(({ ports }) => ports),
  }))
}

/** Everything that policies let through, as `from -> to:port`; `*` for whoever is none of the parts. */
function passages(policies: readonly Policy[], parts: ReturnType<typeof readParts>) {
  const namesOf = (selector: Selector | undefined) =>
    selector === undefined
      ? ['*']
      : parts.filter(({ labels }) => selects(selector, labels)).map(({ name }) => name)
  const peersOf = (peers: z.output<typeof Peers>) =>
    peers === undefined ? ['*'] : peers.flatMap(({ podSelector }) => namesOf(podSelector))
  const numberOf = (part: string, port: string | number) =>
    parts.find(({ name }) => name === part)?.ports.find(({ name }) => name === port)
      ?.containerPort ?? port
  const into = policies.flatMap(({ spec: { podSelector, ingress } }) =>
    namesOf(podSelector).flatMap((to) =>
      ingress.flatMap(({ from, ports }) =>
        peersOf(from).flatMap((peer) =>
          ports.map(({ port }) => `${peer} -> ${to}:${numberOf(to, port)}`),
        ),
      ),
    ),
  )
  const out = policies.flatMap(({ spec: { podSelector, egress } }) =>
    namesOf(podSelector).flatMap((from) =>
      egress.flatMap(({ to, ports }) =>
        peersOf(to).flatMap((peer) => ports.map(({ port }) => `${from} -> ${peer}:${port}`)),
      ),
    ),
  )
  return { into: [...new Set(into)].toSorted(), out: [...new Set(out)].toSorted() }
}

describe.skipIf(!hasCluster())('the manifests, as kustomize renders them', () => {
  beforeAll(async () => void (await run(join(KUBERNETES, 'local/secrets.sh'), [])))

  test('name every server of the restarter, ready or not, and keep tokens from all others', () => {
    const byName = new Map(
      read('base').map((object) => [`${object.kind} ${object.metadata.name}`, object]),
    )

    expect(byName.get('Service tf-server-agents')).toMatchObject({
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    })
    for (const app of ['tf-server', 'trainer-scheduler', 'config-publisher']) {
      const kept = { automountServiceAccountToken: false }
      expect(byName.get(`ServiceAccount drover-${app}`)).toMatchObject(kept)
      expect(byName.get(`Deployment ${app}`)).toMatchObject({ spec: { template: { spec: kept } } })
    }
    expect(byName.get('PodDisruptionBudget tf-server')).toMatchObject({
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    })
  })

  test('bring no Secret for production, and spread its servers evenly over the nodes', () => {
    const objects = read('production')

    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([])
    expect(
      objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'tf-server'),
    ).toMatchObject({
      spec: {
        replicas: 3,
        template: {
          spec: {
            topologySpreadConstraints: [
              { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' },
              { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
            ],
          },
        },
      },
    })
  })

  test('let every part reach what it needs, from both sides, and nothing else', () => {
    const objects = read('local')
    const parts = readParts(objects)
    const policies = objects
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map((object) => Policy.parse(object))
    const { into, out } = passages(policies, parts)
    const users = ['config-publisher', 'restarter', 'trainer-scheduler']
    const between = [
      ...users.flatMap((app) => [`${app} -> redis:6379`, `${app} -> s3:7070`]),
      ...users.map((app) => `console -> ${app}:8080`),
      'tf-server -> s3:7070',
      'restarter -> tf-server:8600',
    ]
    const names = parts.flatMap(({ name }) => [`${name} -> *:53`])

    expect(into).toEqual([...between, '* -> tf-server:8500', '* -> tf-server:8501'].toSorted())
    expect(out).toEqual(
      [
        ...between,
        ...names,
        'console -> tf-server:8501',
        'restarter -> *:443',
        'restarter -> *:6443',
      ].toSorted(),
    )
    expect(policies.find(({ metadata }) => metadata.name === 'default-deny')?.spec).toEqual({
      podSelector: { matchLabels: {}, matchExpressions: [] },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress: [],
    })
  })
})

describe.skipIf(!hasCluster())('the manifests on a real API server', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-overlay-'))
    await run(join(KUBERNETES, 'local/secrets.sh'), [])
    const namespace = { apiVersion: 'v1', kind: 'Namespace' }
    kubectl(
      ['apply', '--server-side', '-f', '-'],
      JSON.stringify({ ...namespace, metadata: { name: DRY, labels: STRICT } }),
    )
    applyBase()
  }, 180_000)
  afterAll(async () => {
    removeBase()
    kubectl(['delete', 'namespace', DRY])
    await rm(folder, { recursive: true })
  }, 180_000)

  test.each(['base', 'local', 'production'])(
    'are taken, and no pod of them asks for more than it should: %s',
    async (overlay) => {
      await writeOverlay(folder, { of: join(KUBERNETES, overlay), namespace: DRY })
      const strict = ['--validate=strict', '--warnings-as-errors']

      const said = kubectl(['apply', '--server-side', '--dry-run=server', ...strict, '-k', folder])

      expect(said.trim().split('\n')).toHaveLength(read(overlay).length)
    },
  )

  test.each([
    ['kubectl apply', []],
    ['a server-side apply, as Flux does it', ['--server-side', '--force-conflicts']],
  ])('leave the restarter its two annotations when they are applied again: %s', async (_, how) => {
    const inside = ['-n', NAMESPACE]
    kubectl([...inside, 'delete', 'deployment', 'tf-server'])
    kubectl(['apply', ...how, '-k', OVERLAY])
    await using kube = await asPod(ACCOUNT)
    await kube.annotate('tf-server', { config: CONFIG, restart: '1' })

    kubectl(['apply', ...how, '-k', OVERLAY])

    expect(await kube.readDeployment('tf-server')).toMatchObject({ config: CONFIG, restart: '1' })
  })
})
