import { fstatSync } from 'node:fs'

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
