// Processes of a cluster that is this machine's own: those that a test stops, kills or stands beside.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const read = (pid: string, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    // It has ended meanwhile, so it is nobody who is looked for.
    return ''
  }
}

function findPid(what: string, isIt: (pid: string, command: string) => boolean): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => isIt(pid, read(pid, 'cmdline').replaceAll('\0', ' ')))
  if (found === undefined) throw new Error(`no process is ${what}`)
  return Number(found)
}

/** The kubelet of a node, which is in the node's own network. */
export const kubeletOf = (node: string): number =>
  findPid(
    `the kubelet of ${node}`,
    (_pid, command) =>
      command.includes(`kubelet `) && command.includes(`--hostname-override ${node} `),
  )

/** The first process of a pod whose command line has these words. */
export const processOf = (podUid: string, words: string): number =>
  findPid(
    `${words} of the pod ${podUid}`,
    (pid, command) => command.includes(words) && read(pid, 'cgroup').includes(podUid),
  )

/** Lets nothing through to a pod, on old connections or new ones, until it is disposed of. */
export function silence(node: string, address: string): Disposable {
  const inNetwork = ['-t', `${kubeletOf(node)}`, '-n', '--']
  const what = ['FORWARD', '-d', address, '-j', 'DROP']
  const rule = (how: '-I' | '-D'): unknown =>
    execFileSync('nsenter', [...inNetwork, 'iptables', how, ...what])
  rule('-I')
  return { [Symbol.dispose]: () => void rule('-D') }
}
