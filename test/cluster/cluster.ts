import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ROOT } from '../support/root.ts'

export const NAMESPACE = 'drover-test'
const OVERLAY = join(ROOT, 'test/cluster/overlay')
const KUBECTL_MS_MAX = 60_000
const UP_MS_MAX = 120_000
const STEP_MS = 50
const WAIT_MS_MAX = 30_000

/** Whether there is a cluster to test on: the set-up says why not. */
export const hasCluster = (): boolean => process.env.KUBECONFIG !== undefined
/** Whether its API server is ours to kill. */
export const isOurs = (): boolean => process.env.DROVER_CLUSTER_API_PID !== undefined

const file = (name: string, content: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'drover-cluster-')), name)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

/** Runs kubectl as the cluster's administrator. */
export function kubectl(args: string[], input?: string): string {
  const { DROVER_KUBECTL = 'kubectl' } = process.env
  const options = { encoding: 'utf8' as const, timeout: KUBECTL_MS_MAX, input }
  const done = spawnSync(DROVER_KUBECTL, args, options)
  if (done.status === 0) return done.stdout
  throw new Error(`kubectl ${args.join(' ')}: ${done.stderr}`, { cause: done.error })
}

const Config = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({ server: z.url(), 'certificate-authority-data': z.base64() }),
    }),
  ]),
})

/** Where the API server is, and the certificate that it is known by. */
export function apiServer(): { server: URL; ca: string } {
  const json: unknown = JSON.parse(
    kubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']),
  )
  const { cluster } = Config.parse(json).clusters[0]
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString('utf8')
  return { server: new URL(cluster.server), ca }
}

/** Makes the namespace of the tests anew, with all of the base in it but pods. */
export function applyBase(): void {
  removeBase()
  kubectl(['create', 'namespace', NAMESPACE])
  kubectl(['apply', '--server-side', '-k', OVERLAY])
}

export function removeBase(): void {
  kubectl(['delete', '-k', OVERLAY, '--ignore-not-found', '--wait=false'])
  kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=true'])
}

/** A token of a ServiceAccount, as a pod of it would get. */
export const tokenOf = (account: string): string =>
  kubectl(['-n', NAMESPACE, 'create', 'token', account, '--duration=10m']).trim()

/** The folder that a pod of the account would find, for `inCluster`. */
export function podFolder(account: string): string {
  const token = file('token', tokenOf(account))
  const folder = join(token, '..')
  writeFileSync(join(folder, 'ca.crt'), apiServer().ca)
  writeFileSync(join(folder, 'namespace'), NAMESPACE)
  return folder
}

/** Kills the API server as a machine's failure would. */
export function killApiServer(): void {
  const { DROVER_CLUSTER_API_PID = '' } = process.env
  process.kill(Number(readFileSync(DROVER_CLUSTER_API_PID, 'utf8').split(' ')[0]), 'SIGKILL')
}

/** Kills the API server, and starts it again. */
export async function restartApiServer(): Promise<void> {
  killApiServer()
  await startApiServer()
}

/** Starts the API server that was killed. */
export async function startApiServer(): Promise<void> {
  const { DROVER_CLUSTER_UP = '' } = process.env
  const up = spawn(DROVER_CLUSTER_UP, { stdio: 'ignore', signal: AbortSignal.timeout(UP_MS_MAX) })
  await once(up, 'exit')
}

/** Waits for a level. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  msMax = WAIT_MS_MAX,
): Promise<void> {
  const end = performance.now() + msMax
  while (performance.now() < end) {
    if (await holds()) return
    await sleep(STEP_MS)
  }
  throw new Error(`not within ${msMax} ms: ${what}`)
}

export interface RawAsk {
  method: string
  path: string
  body?: unknown
  type?: string
}

/** Asks the API server with a token, past all of our own code. */
export function makeAsker(token: string) {
  const { server, ca } = apiServer()
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ca })
  return {
    async ask({ method, path, body, type = 'application/json' }: RawAsk) {
      const sent = request(new URL(path, server), {
        method,
        agent,
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
        signal: AbortSignal.timeout(10_000),
      })
      const answered = new Promise<{ status: number; body: unknown }>((resolve, reject) => {
        sent.once('error', reject)
        sent.once('response', (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.once('error', reject)
          response.once('end', () => {
            const isJson = (response.headers['content-type'] ?? '').startsWith('application/json')
            resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text })
          })
        })
      })
      sent.end(body === undefined ? undefined : JSON.stringify(body))
      return await answered
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}
