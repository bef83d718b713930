import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../support/root.ts'

const { env } = process
const UP_MS_MAX = 30 * 60_000
const WORDS_MAX = 2_000
const NEIGHBOUR = join(ROOT, '../shared/cluster/up')

/**
 * Finds a cluster for the suite: the one that KUBECONFIG names; else one that the script of
 * DROVER_CLUSTER_UP brings up, which prints where its kubeconfig is. Without one the tests are skipped.
 */
export default function setUp(): (() => void) | undefined {
  if (env.KUBECONFIG !== undefined) {
    console.log(`cluster: the one of KUBECONFIG, ${env.KUBECONFIG}`)
    return undefined
  }
  const up = env.DROVER_CLUSTER_UP ?? NEIGHBOUR
  if (existsSync(up)) return bringUp(up)
  console.log(`no cluster: set KUBECONFIG, or DROVER_CLUSTER_UP to a script; there is no ${up}`)
  return undefined
}

function bringUp(up: string): (() => void) | undefined {
  const apiPid = join(env.DROVER_CLUSTER_RUN ?? '/var/lib/drover-cluster', 'pid/kube-apiserver')
  const wasUp = existsSync(apiPid)
  env.DROVER_CLUSTER_NODES ??= '2'
  const made = spawnSync(up, { env, encoding: 'utf8', timeout: UP_MS_MAX })
  const kubeconfig = made.stdout.trim().split('\n').at(-1) ?? ''
  if (made.status !== 0 || !existsSync(kubeconfig)) {
    // A script that is there and fails is a fault, and no reason to skip what it is for.
    throw new Error(`${up} ended with ${made.status}: ${made.stderr.slice(-WORDS_MAX)}`)
  }
  console.log(`cluster: ${kubeconfig}`)
  env.KUBECONFIG = kubeconfig
  env.DROVER_CLUSTER_UP = up
  env.DROVER_KUBECTL ??= join(programs(), 'kubectl')
  env.DROVER_CLUSTER_API_PID = apiPid
  env.DROVER_CLUSTER_IMPORT ??= `${join(dirname(up), 'image')} --import`
  // One that was up before is somebody's: it stays.
  return wasUp ? undefined : () => void spawnSync(join(dirname(up), 'down'), { env })
}

/** Where the script keeps what it has built. */
function programs(): string {
  const { XDG_CACHE_HOME, HOME = '/root', DROVER_CLUSTER_CACHE } = env
  const caches = XDG_CACHE_HOME ?? join(HOME, '.cache')
  return join(DROVER_CLUSTER_CACHE ?? join(caches, 'drover-cluster'), 'bin')
}
