import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { run } from '../docker/engine.ts'
import { runDrover } from '../docker/stack.ts'
import { ROOT } from '../support/root.ts'
import { isOurs, until } from './cluster.ts'
import { bringImages } from './loop-images.ts'
import { type Patch, writeOverlay } from './own-overlay.ts'
import { type Pod, readPods } from './pods.ts'

const LOCAL = join(ROOT, 'deploy/kubernetes/local')
const TOKEN_FILE = join(LOCAL, 'secrets/api-token')
const READY_S_MAX = 300
const CALL_MS_MAX = 30_000
const APIS = ['trainer-scheduler', 'config-publisher', 'restarter'] as const
const SERVICES = [...APIS, 'tf-server'] as const
const LOG_LINES = 30

/** What a test may ask for. */
export interface LoopOptions {
  /** Of its own, made and deleted with the stack. */
  namespace: string
  /** Further patches, as kustomize takes them. */
  patches?: readonly Patch[]
}

/** A whole Drover in the cluster: deploy/kubernetes/local, in a namespace of its own. */
export interface Loop extends AsyncDisposable {
  namespace: string
  /** Runs kubectl in the namespace. */
  kubectl: (...args: string[]) => Promise<string>
  /** Runs the command line against it and reads its one JSON object; throws when it failed. */
  drover: <T>(schema: z.ZodType<T>, ...args: string[]) => Promise<T>
  /** The file of DROVER_REMOTE for a command line of one's own. */
  remote: string
  /** Asks an API, with its token; throws when it does not answer with what was asked. */
  call: (app: (typeof APIS)[number], path: string, body?: object) => Promise<unknown>
  /** The pods of an app, the servers unless told, but for those that are about to end. */
  pods: (app?: string) => Promise<Pod[]>
  /** Where predictions are answered, through the Service, from outside. */
  rest: string
  grpc: string
}

const kubectl = async (...args: string[]): Promise<string> =>
  await run(process.env.DROVER_KUBECTL ?? 'kubectl', args, {
    timeoutMs: 2 * READY_S_MAX * 1_000,
  })

/** A Service that is reached from outside as well. */
export const asNodePort = (name: string): Patch => ({
  target: { kind: 'Service', name },
  patch: JSON.stringify([{ op: 'add', path: '/spec/type', value: 'NodePort' }]),
})

const Services = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({
        ports: z.array(z.object({ name: z.string(), nodePort: z.int().optional() })),
      }),
    }),
  ),
})
const Nodes = z.object({
  items: z.array(
    z.object({
      status: z.object({ addresses: z.array(z.object({ type: z.string(), address: z.string() })) }),
    }),
  ),
})

/** Where ports of nodes are reached: DROVER_CLUSTER_HOST, or a node's own address. */
async function findHost(): Promise<string> {
  const { DROVER_CLUSTER_HOST } = process.env
  if (DROVER_CLUSTER_HOST !== undefined) return DROVER_CLUSTER_HOST
  if (isOurs()) return '127.0.0.1'
  const { items } = Nodes.parse(JSON.parse(await kubectl('get', 'nodes', '-o', 'json')))
  const addresses = items.flatMap(({ status }) => status.addresses)
  return addresses.find(({ type }) => type === 'InternalIP')?.address ?? '127.0.0.1'
}

/** The addresses, host and port, at which Services of the type NodePort are reached. */
async function readAddresses(namespace: string): Promise<(name: string, port: string) => string> {
  const host = await findHost()
  const said = await kubectl('-n', namespace, 'get', 'services', '-o', 'json')
  const { items } = Services.parse(JSON.parse(said))
  return (name, port) => {
    const { spec } = items.find(({ metadata }) => metadata.name === name) ?? {}
    const { nodePort } = spec?.ports.find((each) => each.name === port) ?? {}
    if (nodePort === undefined) throw new Error(`the Service ${name} has no node port ${port}`)
    return `${host}:${nodePort}`
  }
}

/** Makes all images and starts the stack; resolves when all of it is ready and answers. */
export async function startLoop(options: LoopOptions): Promise<Loop> {
  const { namespace, patches = [] } = options
  const inside = async (...args: string[]) => await kubectl('-n', namespace, ...args)
  const folder = await mkdtemp(join(tmpdir(), 'drover-overlay-'))
  await run(join(LOCAL, 'secrets.sh'), [])
  await writeOverlay(folder, {
    of: LOCAL,
    namespace,
    images: await bringImages(),
    patches: [...SERVICES.map(asNodePort), ...patches],
  })
  const remove = async () =>
    await kubectl('delete', '-k', folder, '--ignore-not-found', '--wait=true')
  const dispose = async () => {
    await remove()
    await rm(folder, { recursive: true })
  }
  // What a run that was killed has left.
  await remove()
  try {
    await kubectl('apply', '-k', folder)
    await inside('rollout', 'status', 'statefulset', `--timeout=${READY_S_MAX}s`)
    await inside('rollout', 'status', 'deployment', `--timeout=${READY_S_MAX}s`)
    return {
      ...(await reach(namespace, folder)),
      kubectl: inside,
      pods: async (app = 'tf-server') => await readPods(inside, app),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    console.log(await inside('get', 'pods', '-o', 'wide'))
    console.log(await inside('get', 'events', '--field-selector', 'type=Warning'))
    for (const app of SERVICES) {
      const selector = ['-l', `app=${app}`, '--prefix', `--tail=${LOG_LINES}`]
      console.log(await inside('logs', ...selector).catch(String))
    }
    await dispose()
    throw error
  }
}

/** How a stack that is up is reached from outside. */
async function reach(namespace: string, folder: string) {
  const addressOf = await readAddresses(namespace)
  const apiOf = (app: (typeof APIS)[number]) => `http://${addressOf(app, 'api')}`
  const rest = `http://${addressOf('tf-server', 'rest')}`
  const places = {
    format: 1,
    tokenFile: TOKEN_FILE,
    trainerScheduler: apiOf('trainer-scheduler'),
    configPublisher: apiOf('config-publisher'),
    restarter: apiOf('restarter'),
    servers: [{ name: 'tf-server', rest }],
  }
  const remote = join(folder, 'remote.json')
  await writeFile(remote, JSON.stringify(places))
  // A port of a node answers a moment after its pods are ready.
  for (const url of [...APIS.map((app) => `${apiOf(app)}/readyz`), `${rest}/v1/models/none`]) {
    await until(`${url} answers`, async () => {
      const response = await fetch(url).catch(() => undefined)
      await response?.body?.cancel()
      return response !== undefined
    })
  }
  const token = (await readFile(TOKEN_FILE, 'utf8')).trim()
  return {
    namespace,
    remote,
    async call(app: (typeof APIS)[number], path: string, body?: object): Promise<unknown> {
      const response = await fetch(`${apiOf(app)}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(CALL_MS_MAX),
      })
      const said: unknown = await response.json()
      if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(said)}`)
      return said
    },
    rest,
    grpc: addressOf('tf-server', 'grpc'),
    drover: async <T>(schema: z.ZodType<T>, ...args: string[]) =>
      await runDrover(remote, schema, ...args),
  }
}
