import { fstatSync, readFileSync } from 'node:fs'

const LOOK_MS = 200

/**
 * Aborted when the parent is gone: its IPC channel, or the pipe that is standard input, has closed.
 * Never where there is neither.
 */
export function parentEnd(): AbortSignal {
  const gone = new AbortController()
  process.once('disconnect', () => gone.abort())
  if (isPipe(0)) process.stdin.once('close', () => gone.abort()).resume()
  return gone.signal
}

/** Standard input tells of the parent's end only where it is a pipe of the parent's. */
export function isPipe(fd: number): boolean {
  const found = fstatSync(fd)
  return found.isFIFO() || found.isSocket()
}

/**
 * Aborted when npm is gone, which started this process: it passes on no signal that it is ended by.
 * Between the two there may be a shell, which stays and has another parent then.
 */
export function npmEnd(): AbortSignal {
  const gone = new AbortController()
  const before = ancestry()
  const timer = setInterval(() => {
    if (ancestry() === before) return
    clearInterval(timer)
    gone.abort()
  }, LOOK_MS)
  timer.unref()
  return gone.signal
}

/** The parent's number, and that of its parent where the system tells. */
function ancestry(): string {
  const parent = process.ppid
  try {
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
    // The name, in parentheses, may hold spaces; state and parent follow it.
    const [, grandparent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${parent} ${grandparent}`
  } catch {
    // It is just ending, or this system has no such files.
    return `${parent}`
  }
}
