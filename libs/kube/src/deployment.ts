import { digestOf, type TemplatePair } from '@drover/model-config'
import { z } from 'zod'

/** What the servers of a Deployment are to run: `<seq>-<sha>` of a config. */
export const CONFIG_ANNOTATION = 'drover.dev/config'
/** How often a restart was wished for. */
export const RESTART_ANNOTATION = 'drover.dev/restart'
/** On the Deployment itself, never on its template: changing it restarts nothing. */
export const TOUCH_ANNOTATION = 'drover.dev/touch'

/** Labels or annotations. */
export const Texts = z.record(z.string(), z.string()).default({})

export const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
})
export type Condition = z.output<typeof Condition>

const Fields = z.object({
  'f:spec': z.object({
    'f:template': z.object({
      'f:metadata': z.object({ 'f:annotations': z.record(z.string(), z.unknown()) }),
    }),
  }),
})
const Managed = z.object({
  manager: z.string().default(''),
  operation: z.string().default(''),
  time: z.string().default(''),
  fieldsV1: z.unknown(),
})

const Expression = z.object({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
  values: z.array(z.string()).default([]),
})
const Selector = z.object({
  matchLabels: Texts,
  matchExpressions: z.array(Expression).default([]),
})

const Template = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).optional() }).default({}),
})

const Raw = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().default(0),
    annotations: Texts,
    managedFields: z.array(Managed).default([]),
  }),
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    selector: Selector,
    template: Template,
  }),
  status: z
    .object({
      observedGeneration: z.number().default(0),
      replicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      readyReplicas: z.number().default(0),
      availableReplicas: z.number().default(0),
      conditions: z.array(Condition).default([]),
    })
    .prefault({}),
})

/** A Deployment as the API server shows it, read into what Drover decides by. */
export const Deployment = Raw.transform(({ metadata, spec, status }) => {
  const annotations = spec.template.metadata.annotations ?? {}
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation,
    observedGeneration: status.observedGeneration,
    annotations: metadata.annotations,
    paused: spec.paused,
    /** How many pods are wished for. */
    replicas: spec.replicas,
    /** How many there are, old and new. */
    existing: status.replicas,
    updated: status.updatedReplicas,
    ready: status.readyReplicas,
    available: status.availableReplicas,
    conditions: status.conditions,
    templateAnnotations: annotations,
    /** Our two annotations of the template. */
    config: annotations[CONFIG_ANNOTATION],
    restart: annotations[RESTART_ANNOTATION],
    /** Who wrote the annotation of the config last, as `kubectl` at an undo; see `managerOf`. */
    configManager: managerOf(metadata.managedFields, CONFIG_ANNOTATION),
    /** The same for two templates that differ in nothing but our two annotations. */
    templateSha: templateSha(spec.template),
    selector: selectorText(spec.selector),
  }
})
export type Deployment = z.output<typeof Deployment>

/** The strategic merge patch that sets both annotations of the template and nothing else. */
export function pairPatch({ config, restart }: TemplatePair, resourceVersion?: string): unknown {
  const annotations = {
    // A null takes the key away; without it an absent key would only be left as it is.
    [CONFIG_ANNOTATION]: config ?? null,
    [RESTART_ANNOTATION]: restart ?? null,
  }
  return { ...lockOf(resourceVersion), spec: { template: { metadata: { annotations } } } }
}

/** The patch that changes a Deployment without changing what it runs. */
export function touchPatch(value: string, resourceVersion?: string): unknown {
  const { metadata = {} } = lockOf(resourceVersion)
  return { metadata: { ...metadata, annotations: { [TOUCH_ANNOTATION]: value } } }
}

const lockOf = (resourceVersion?: string): { metadata?: { resourceVersion: string } } =>
  resourceVersion === undefined ? {} : { metadata: { resourceVersion } }

/**
 * To Kubernetes, whoever applies and whoever updates are two managers though their names are the same:
 * `kubectl apply --server-side` signs like `kubectl rollout undo`.
 */
function managerOf(managed: z.output<typeof Managed>[], annotation: string): string | undefined {
  const last = managed
    .filter(({ fieldsV1 }) => {
      const fields = Fields.safeParse(fieldsV1)
      if (!fields.success) return false
      const { 'f:annotations': owned } = fields.data['f:spec']['f:template']['f:metadata']
      return `f:${annotation}` in owned
    })
    .toSorted((a, b) => a.time.localeCompare(b.time))
    .at(-1)
  return last?.operation === 'Apply' ? `${last.manager} (apply)` : last?.manager
}

function templateSha(template: z.output<typeof Template>): string {
  const kept = Object.entries(template.metadata.annotations ?? {}).filter(
    ([name]) => name !== CONFIG_ANNOTATION && name !== RESTART_ANNOTATION,
  )
  // Without the last annotation the API server leaves the map out: no map and an empty one are equal.
  const annotations = kept.length === 0 ? undefined : Object.fromEntries(kept)
  const bare = { ...template, metadata: { ...template.metadata, annotations } }
  return digestOf(bare)
}

/** A selector as the query of a list wants it. */
export function selectorText({ matchLabels, matchExpressions }: z.output<typeof Selector>): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`)
  const expressions = matchExpressions.map(({ key, operator, values }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`
      case 'NotIn':
        return `${key} notin (${values.join(',')})`
      case 'Exists':
        return key
      case 'DoesNotExist':
        return `!${key}`
    }
  })
  return [...labels, ...expressions].join(',')
}
