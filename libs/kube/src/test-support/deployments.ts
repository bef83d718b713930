import { Deployment } from '../deployment.ts'

/** A Deployment as an API server would send it, with some of it changed. */
export const rawDeployment = (
  parts: { metadata?: object; spec?: object; status?: object; template?: object } = {},
) => ({
  metadata: {
    name: 'tf-server',
    namespace: 'drover',
    uid: 'u1',
    resourceVersion: '7',
    generation: 3,
    ...parts.metadata,
  },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'tf-server' } },
    template: parts.template ?? { metadata: { labels: { app: 'tf-server' } } },
    ...parts.spec,
  },
  status: {
    observedGeneration: 3,
    replicas: 3,
    updatedReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    ...parts.status,
  },
})

export const deploymentOf = (parts?: Parameters<typeof rawDeployment>[0]): Deployment =>
  Deployment.parse(rawDeployment(parts))
