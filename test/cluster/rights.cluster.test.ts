// What a restarter that somebody has taken over could do: nothing but move two annotations.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  applyBase,
  hasCluster,
  kubectl,
  makeAsker,
  NAMESPACE,
  removeBase,
  tokenOf,
  until,
} from './cluster.ts'
import {
  CLOSED_PATHS,
  discover,
  isGranted,
  MORE,
  OPEN_PATHS,
  type Resource,
  VERBS,
} from './rights.ts'

const ACCOUNT = 'drover-restarter'
const NAMES = [undefined, 'tf-server', 'another']
const REVIEW = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
const Manifest = z.looseObject({ kind: z.literal('Deployment') })
const Review = z.object({ status: z.object({ allowed: z.boolean() }) })
const DEPLOYMENT = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/tf-server`
const MERGE = 'application/strategic-merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'
const SHA = 'a'.repeat(64)

/** The request that stands for a verb; writes are never carried out. */
function requestOf({ base, name, isNamespaced }: Resource, verb: string, object: string) {
  const [plural = '', sub] = name.split('/')
  const all = `${base}${isNamespaced ? `/namespaces/${NAMESPACE}` : ''}/${plural}`
  const one = `${all}/${object}${sub === undefined ? '' : `/${sub}`}`
  const dry = '?dryRun=All'
  switch (verb) {
    case 'get':
      return { method: 'GET', path: one }
    case 'list':
      return { method: 'GET', path: `${all}?limit=1` }
    case 'watch':
      return { method: 'GET', path: `${all}?watch=true&timeoutSeconds=1` }
    case 'create':
      return { method: 'POST', path: `${sub === undefined ? all : one}${dry}`, body: {} }
    case 'update':
      return { method: 'PUT', path: `${one}${dry}`, body: {} }
    case 'patch':
      return { method: 'PATCH', path: `${one}${dry}`, body: {}, type: MERGE }
    case 'delete':
      return { method: 'DELETE', path: `${one}${dry}` }
    default:
      return { method: 'DELETE', path: `${all}${dry}` }
  }
}

/** Whether a subresource has such a request at all. */
const hasRequest = ({ name }: Resource, verb: string): boolean =>
  !name.includes('/') || !['list', 'watch', 'deletecollection'].includes(verb)

const container = (change: object) => ({
  spec: { template: { spec: { containers: [{ name: 'tf-server', ...change }] } } },
})
const annotated = (annotations: object) => ({ spec: { template: { metadata: { annotations } } } })

describe.skipIf(!hasCluster())('the restarter on a real API server', () => {
  let api: ReturnType<typeof makeAsker>
  beforeAll(async () => {
    applyBase()
    api = makeAsker(tokenOf(ACCOUNT))
    // An API server takes a new policy up about a second after it has stored it.
    const forbidden = { metadata: { annotations: { x: 'y' } }, ...container({ image: 'evil:1' }) }
    await until('the policy holds', async () => (await patch(forbidden)).status === 403)
  }, 180_000)
  afterAll(() => {
    api[Symbol.dispose]()
    removeBase()
  }, 180_000)

  const patch = async (body: unknown, type = MERGE) =>
    await api.ask({ method: 'PATCH', path: `${DEPLOYMENT}?dryRun=All`, body, type })

  async function mayDo(verb: string, id: string, name?: string, namespace?: string) {
    const [group = '', resource = '', subresource] = id.split('/')
    const resourceAttributes = { verb, group, resource, subresource, name, namespace }
    const spec = { resourceAttributes }
    const { body } = await api.ask({ method: 'POST', path: REVIEW, body: { spec } })
    return Review.parse(body).status.allowed
  }

  test('every verb on every resource is granted as the table says, and in no other namespace', async () => {
    const resources = await discover(api)
    const ids = [...new Set(resources.map(({ id }) => id))]
    const asked = [...ids.flatMap((id) => VERBS.map((verb) => [verb, id] as const)), ...MORE]
    const wrong: string[] = []

    for (const [verb, id] of asked) {
      const isForAll =
        id.startsWith('authorization.k8s.io/') || id.startsWith('authentication.k8s.io/')
      for (const name of NAMES) {
        for (const namespace of [NAMESPACE, 'kube-system', undefined]) {
          const isHere = isForAll || namespace === NAMESPACE
          const expected = isHere && isGranted(verb, id, name)
          if ((await mayDo(verb, id, name, namespace)) !== expected) {
            wrong.push(`${verb} ${id} ${name} in ${namespace}: not ${expected}`)
          }
        }
      }
    }

    expect(wrong).toEqual([])
    expect(ids.length).toBeGreaterThan(50)
    console.log(`${asked.length * NAMES.length * 3} reviews of ${ids.length} resources`)
  }, 300_000)

  test('every request that is not granted gets a 403', async () => {
    const resources = await discover(api)
    const wrong: string[] = []
    let requests = 0

    for (const resource of resources) {
      for (const verb of VERBS.filter((one) => hasRequest(resource, one))) {
        for (const name of ['tf-server', 'another']) {
          // A request for a list carries no name, unless it selects one.
          const isNamed = !['list', 'watch', 'create', 'deletecollection'].includes(verb)
          if (isGranted(verb, resource.id, isNamed ? name : undefined)) continue
          const { status } = await api.ask(requestOf(resource, verb, name))
          requests++
          if (status !== 403) wrong.push(`${verb} ${resource.id} ${name}: ${status}`)
        }
      }
    }

    expect(wrong).toEqual([])
    console.log(`${requests} requests`)
  }, 300_000)

  test('paths that are no resources are open only as Kubernetes opens them to all', async () => {
    const statuses = async (paths: string[]) => {
      const found = []
      for (const path of paths) found.push((await api.ask({ method: 'GET', path })).status)
      return found
    }

    expect(await statuses(OPEN_PATHS)).toEqual(OPEN_PATHS.map(() => 200))
    expect(await statuses(CLOSED_PATHS)).toEqual(CLOSED_PATHS.map(() => 403))
  })

  test.each([
    [
      'both annotations of the template',
      { 'drover.dev/config': `12-${SHA}`, 'drover.dev/restart': '3' },
    ],
    ['both taken away', { 'drover.dev/config': null, 'drover.dev/restart': null }],
  ])('%s may be changed', async (_what, annotations) => {
    const { status } = await patch({ spec: { template: { metadata: { annotations } } } })

    expect(status).toBe(200)
  })

  test('the touch may be changed', async () => {
    const { status } = await patch({ metadata: { annotations: { 'drover.dev/touch': 'x' } } })

    expect(status).toBe(200)
  })

  test.each([
    ['the image', container({ image: 'evil:1' })],
    ['the environment', container({ env: [{ name: 'LD_PRELOAD', value: '/tmp/x.so' }] })],
    ['the command', container({ command: ['sh'] })],
    ['the arguments', container({ args: ['-c'] })],
    ['what is mounted', container({ volumeMounts: [{ name: 'tmp', mountPath: '/x' }] })],
    ['a probe', container({ livenessProbe: { periodSeconds: 1 } })],
    ['the ServiceAccount', { spec: { template: { spec: { serviceAccountName: ACCOUNT } } } }],
    [
      'a new container',
      { spec: { template: { spec: { containers: [{ name: 'x', image: 'y' }] } } } },
    ],
    ['the host network', { spec: { template: { spec: { hostNetwork: true } } } }],
    ['the number of replicas', { spec: { replicas: 1 } }],
    ['the strategy', { spec: { strategy: { rollingUpdate: { maxUnavailable: 2 } } } }],
    ['the pause', { spec: { paused: true } }],
    ['the history', { spec: { revisionHistoryLimit: 0 } }],
    ['the deadline', { spec: { progressDeadlineSeconds: 9_999 } }],
    ['the time until available', { spec: { minReadySeconds: 1 } }],
    ['a label of the pods', { spec: { template: { metadata: { labels: { x: 'y' } } } } }],
    ['a label', { metadata: { labels: { x: 'y' } } }],
    ['a finalizer', { metadata: { finalizers: ['x.y/z'] } }],
    [
      'an owner, at whose end it would end',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' }] } },
    ],
    ['another annotation', { metadata: { annotations: { x: 'y' } } }],
    [
      'a touch that is long',
      { metadata: { annotations: { 'drover.dev/touch': 'x'.repeat(129) } } },
    ],
    ['another annotation of the pods', annotated({ 'sidecar.istio.io/inject': 'true' })],
    ['a config that is none', annotated({ 'drover.dev/config': '1-abc' })],
    ['a restart that is none', annotated({ 'drover.dev/restart': 'now' })],
  ])('%s may not be changed', async (_what, body) => {
    const answer = await patch(body)

    expect(answer.status).toBe(403)
    expect(JSON.stringify(answer.body)).toContain('ValidatingAdmissionPolicy')
  })

  test('no other kind of patch leads around the policy', async () => {
    const path = '/spec/template/spec/containers/0/image'

    const byJson = await patch([{ op: 'replace', path, value: 'evil:1' }], JSON_PATCH)
    const byMerge = await patch({ spec: { replicas: 1 } }, 'application/merge-patch+json')
    const byApply = await patch(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'tf-server' },
        spec: { replicas: 1, selector: { matchLabels: { app: 'tf-server' } } },
      },
      'application/apply-patch+yaml',
    )

    expect([byJson.status, byMerge.status]).toEqual([403, 403])
    expect(byApply.status).toBeGreaterThanOrEqual(400)
  })

  test('the policy holds even for a restarter that was given more rights by mistake', async () => {
    const account = `--serviceaccount=${NAMESPACE}:${ACCOUNT}`
    kubectl(['-n', NAMESPACE, 'create', 'rolebinding', 'mistake', '--clusterrole=edit', account])
    const group = 'apps/deployments'
    await until('it is known', async () => await mayDo('delete', group, 'tf-server', NAMESPACE))
    const dry = '?dryRun=All'
    const json = kubectl(['-n', NAMESPACE, 'get', 'deployment', 'tf-server', '-o', 'json'])
    const copy = { ...Manifest.parse(JSON.parse(json)), metadata: { name: 'copy' } }

    const answers = [
      await api.ask({ method: 'DELETE', path: `${DEPLOYMENT}${dry}` }),
      await api.ask({
        method: 'PATCH',
        path: `${DEPLOYMENT}/scale${dry}`,
        body: { spec: { replicas: 3 } },
        type: 'application/merge-patch+json',
      }),
      await api.ask({
        method: 'POST',
        path: `${DEPLOYMENT.replace(/\/tf-server$/, '')}${dry}`,
        body: copy,
      }),
    ]

    kubectl(['-n', NAMESPACE, 'delete', 'rolebinding', 'mistake'])
    for (const { status, body } of answers) {
      expect(JSON.stringify(body)).toContain('ValidatingAdmissionPolicy')
      expect(status).toBeGreaterThanOrEqual(400)
    }
  })

  test('the policy names every field that this Kubernetes gives a Deployment', () => {
    const known = Spec.parse(JSON.parse(kubectl(['get', '--raw', '/openapi/v3/apis/apps/v1'])))
    const fields = Object.keys(
      known.components.schemas['io.k8s.api.apps.v1.DeploymentSpec'].properties,
    )

    const policy = kubectl([
      'get',
      'validatingadmissionpolicies',
      'drover-restarter-test',
      '-o',
      'yaml',
    ])

    for (const field of fields) expect(policy).toMatch(new RegExp(`object\\.spec\\.\\??${field}`))
  })
})

const Spec = z.object({
  components: z.object({
    schemas: z.object({
      'io.k8s.api.apps.v1.DeploymentSpec': z.object({
        properties: z.record(z.string(), z.unknown()),
      }),
    }),
  }),
})
