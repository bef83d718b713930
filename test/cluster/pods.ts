import { z } from 'zod'

const Pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        deletionTimestamp: z.string().optional(),
      }),
      spec: z.object({ nodeName: z.string().optional() }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
})

/** A pod that is not about to end. */
export interface Pod {
  name: string
  uid: string
  node: string
  ip: string
  isReady: boolean
}

/** The pods of an app, but for those that are about to end. */
export async function readPods(
  kubectl: (...args: string[]) => Promise<string>,
  app: string,
): Promise<Pod[]> {
  const said = await kubectl('get', 'pods', '-l', `app=${app}`, '-o', 'json')
  const { items } = Pods.parse(JSON.parse(said))
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata: { name, uid }, spec: { nodeName: node = '' }, status }) => ({
      name,
      uid,
      node,
      ip: status.podIP ?? '',
      isReady: status.conditions.some((each) => each.type === 'Ready' && each.status === 'True'),
    }))
}
