import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { KubeCode, KubeError } from './error.ts'

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'
const SOCKETS_MAX = 16
const IDLE_SOCKETS_MAX = 2
const KEEP_ALIVE_MS = 30_000

/** What the next request is sent with: where to, over kept connections, and who we are. */
export interface Pass {
  server: URL
  agent: HttpAgent
  headers: Record<string, string>
}

/** Where the API server is and who we are to it. */
export interface Access {
  /** The namespace that was set, where one was. */
  namespace(): Promise<string | undefined>
  /** Files that rotate (token, CA, kubeconfig) are read again where they have changed. */
  pass(): Promise<Pass>
  /** Forgets what was read: the API server no longer takes it. */
  renew(): void
  close(): void
}

/** How a pod finds its API server: the two variables that every container gets. */
export interface InClusterOptions {
  host: string
  port: string
  /** Where token, ca.crt and namespace are; Kubernetes' own place unless told. */
  folder?: string
}

/**
 * Access from inside a pod. The kubelet renews the token about every hour under the same name, so it
 * is read for each request: that is one small read in memory beside a round trip.
 */
export function inCluster({ host, port, folder = SERVICE_ACCOUNT }: InClusterOptions): Access {
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
  return makeAccess(async () => {
    const token = (await readFile(join(folder, 'token'), 'utf8')).trim()
    const namespace = (await readFile(join(folder, 'namespace'), 'utf8')).trim()
    const config = new KubeConfig()
    config.loadFromOptions({
      clusters: [{ name: 'in', server, caFile: join(folder, 'ca.crt'), skipTLSVerify: false }],
      users: [{ name: 'pod', token }],
      contexts: [{ name: 'in', cluster: 'in', user: 'pod', namespace }],
      currentContext: 'in',
    })
    return config
  })
}

/** Access by a kubeconfig file, with whatever its user needs: certificate, token, exec plugin. */
export function byKubeconfig(path: string): Access {
  let kept: { config: KubeConfig; mtimeMs: number } | undefined
  return makeAccess(
    async () => {
      const { mtimeMs } = await stat(path)
      // The same object is kept while the file is the same: a plugin's credentials live in it.
      if (kept?.mtimeMs === mtimeMs) return kept.config
      const config = new KubeConfig()
      config.loadFromFile(path)
      kept = { config, mtimeMs }
      return config
    },
    () => {
      kept = undefined
    },
  )
}

function makeAccess(load: () => Promise<KubeConfig>, renew: () => void = () => {}): Access {
  let kept: { agent: HttpAgent; print: string } | undefined

  async function read(): Promise<KubeConfig> {
    try {
      return await load()
    } catch (error) {
      throw new KubeError(KubeCode.UNAVAILABLE, 'reading the access to Kubernetes', {
        cause: error,
      })
    }
  }

  async function pass(): Promise<Pass> {
    const config = await read()
    const options: RequestOptions = {}
    try {
      await config.applyToHTTPSOptions(options)
    } catch (error) {
      // A plugin's words may quote its own credentials: only what kind of error it was is told.
      const kind = error instanceof Error ? error.name : typeof error
      throw new KubeError(KubeCode.UNAVAILABLE, `making credentials for Kubernetes: ${kind}`)
    }
    const cluster = config.getCurrentCluster()
    if (cluster === null)
      throw new KubeError(KubeCode.INVALID, 'the kubeconfig has no current cluster')
    const { server, proxyUrl } = cluster
    const print = printOf(options, server, proxyUrl)
    if (kept?.print !== print) {
      if (kept !== undefined) closeIdle(kept.agent)
      // The library makes an agent, and so a connection, for each call: one is kept here instead.
      kept = { agent: agentOf(options, server, proxyUrl), print }
    }
    return { server: new URL(server), agent: kept.agent, headers: headersOf(options) }
  }

  return {
    async namespace() {
      const config = await read()
      return config.getContextObject(config.getCurrentContext())?.namespace
    },
    pass,
    renew,
    close() {
      kept?.agent.destroy()
      kept = undefined
    },
  }
}

const TLS = ['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized'] as const

/** Tells apart what needs a new connection, without keeping a key in a second place. */
function printOf(options: RequestOptions, ...where: (string | undefined)[]): string {
  const parts = JSON.stringify([...TLS.map((name) => options[name]), ...where])
  return createHash('sha256').update(parts).digest('hex')
}

function agentOf(options: RequestOptions, server: string, proxy?: string): HttpAgent {
  // Behind a proxy the library's own agent knows the way.
  if (proxy !== undefined && options.agent instanceof HttpAgent) return options.agent
  const common = {
    keepAlive: true,
    keepAliveMsecs: KEEP_ALIVE_MS,
    maxSockets: SOCKETS_MAX,
    maxFreeSockets: IDLE_SOCKETS_MAX,
  }
  if (server.startsWith('http:')) return new HttpAgent(common)
  const tls = Object.fromEntries(
    TLS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )
  return new HttpsAgent({ ...common, ...tls })
}

/** Old connections end when they are idle; what a watch still reads is left to it. */
function closeIdle(agent: HttpAgent): void {
  agent.maxFreeSockets = 0
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const kept = Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])
  if (typeof auth === 'string') {
    kept.push(['Authorization', `Basic ${Buffer.from(auth).toString('base64')}`])
  }
  return Object.fromEntries(kept)
}
