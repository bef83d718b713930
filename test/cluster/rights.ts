// All that the restarter's ServiceAccount may do, and nothing else may pass: the test asks a real API
// server for every verb on every resource that it has.

import { z } from 'zod'
import type { makeAsker } from './cluster.ts'

export interface Right {
  verb: string
  /** `<group>/<resource>`; the core group is empty. */
  resource: string
  /** One object of that name, or `*` for any. */
  name: string
  /** Whether it holds in the restarter's namespace only. */
  isNamespaced: boolean
}

const rights = (verbs: string, resource: string, name = '*', isNamespaced = true): Right[] =>
  verbs.split(' ').map((verb) => ({ verb, resource, name, isNamespaced }))

export const RIGHTS: Right[] = [
  // The Role of deploy/kubernetes/base/rights.yaml.
  ...rights('get list watch patch', 'apps/deployments', 'tf-server'),
  ...rights('get list', 'apps/replicasets'),
  ...rights('get list', '/pods'),
  ...rights('create patch', '/events'),
  // What Kubernetes grants whoever it knows, system:basic-user: to ask what they themselves may do.
  ...rights('create', 'authorization.k8s.io/selfsubjectaccessreviews', '*', false),
  ...rights('create', 'authorization.k8s.io/selfsubjectrulesreviews', '*', false),
  ...rights('create', 'authentication.k8s.io/selfsubjectreviews', '*', false),
]

/** Paths that are no resources: system:discovery, system:public-info-viewer and the issuer's keys. */
export const OPEN_PATHS = [
  '/api',
  '/apis',
  '/openapi/v3',
  '/version',
  '/healthz',
  '/readyz',
  '/livez',
]
export const CLOSED_PATHS = [
  '/metrics',
  '/logs/',
  '/debug/pprof/',
  '/configz',
  '/flagz',
  '/statusz',
]

export const VERBS = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
]
/** Verbs that only authorization knows. */
export const MORE: [string, string][] = [
  ['impersonate', '/users'],
  ['impersonate', '/groups'],
  ['impersonate', '/serviceaccounts'],
  ['bind', 'rbac.authorization.k8s.io/roles'],
  ['escalate', 'rbac.authorization.k8s.io/roles'],
  ['bind', 'rbac.authorization.k8s.io/clusterroles'],
  ['escalate', 'rbac.authorization.k8s.io/clusterroles'],
  ['approve', 'certificates.k8s.io/signers'],
  ['sign', 'certificates.k8s.io/signers'],
  ['use', 'policy/podsecuritypolicies'],
]

export const isGranted = (verb: string, resource: string, name: string | undefined): boolean =>
  RIGHTS.some(
    (right) =>
      right.verb === verb &&
      right.resource === resource &&
      (right.name === '*' || right.name === name),
  )

export interface Resource {
  /** `<group>/<resource>` or `<group>/<resource>/<subresource>`. */
  id: string
  /** `/api/v1` or `/apis/<group>/<version>`. */
  base: string
  name: string
  isNamespaced: boolean
}

const Versions = z.object({ versions: z.array(z.string()) })
const Groups = z.object({
  groups: z.array(
    z.object({ name: z.string(), versions: z.array(z.object({ groupVersion: z.string() })) }),
  ),
})
const Resources = z.object({
  resources: z.array(z.object({ name: z.string(), namespaced: z.boolean() })),
})

/** Every resource of every group and version that the API server has. */
export async function discover(api: ReturnType<typeof makeAsker>): Promise<Resource[]> {
  const get = async (path: string) => (await api.ask({ method: 'GET', path })).body
  const core = Versions.parse(await get('/api')).versions.map((version) => ({
    group: '',
    base: `/api/${version}`,
  }))
  const others = Groups.parse(await get('/apis')).groups.flatMap(({ name, versions }) =>
    versions.map(({ groupVersion }) => ({ group: name, base: `/apis/${groupVersion}` })),
  )
  const found: Resource[] = []
  for (const { group, base } of [...core, ...others]) {
    const { resources } = Resources.parse(await get(base))
    found.push(
      ...resources.map(({ name, namespaced }) => ({
        id: `${group}/${name}`,
        base,
        name,
        isNamespaced: namespaced,
      })),
    )
  }
  return found
}
