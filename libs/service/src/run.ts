import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from './log.ts'

const STOP_MS_MAX = 10_000
/** Files that are being read at the end are waited for so long. */
const FILES_MS_MAX = 1_000
const FILES_LOOK_MS = 10

/**
 * The life of a process: `start` opens everything and gives back what runs until the signal. It is
 * told to stop by SIGINT, SIGTERM or, with `followsParent`, by the end of its standard input, which
 * is a pipe from its parent: so no child outlives a parent that was killed. What does not end within
 * `stopMsMax`, 10 s unless told, is ended.
 */
export async function runService(
  log: Log,
  followsParent: boolean,
  start: (stop: AbortSignal) => Promise<void>,
  { stopMsMax = STOP_MS_MAX }: { stopMsMax?: number } = {},
): Promise<void> {
  const stop = new AbortController()
  let deadline: NodeJS.Timeout | undefined
  const ask = (why: string) => () => {
    if (stop.signal.aborted) return
    log.info({ why }, 'stopping')
    stop.abort()
    // Whatever hangs must not keep the process: the deadline is this process's own kill.
    deadline = setTimeout(() => {
      log.error('stopping took too long')
      void leave(1)
    }, stopMsMax).unref()
  }
  process.once('SIGINT', ask('SIGINT')).once('SIGTERM', ask('SIGTERM'))
  if (followsParent) process.stdin.once('close', ask('the parent is gone')).resume()
  try {
    await start(stop.signal)
    clearTimeout(deadline)
    log.info('stopped')
    await leave(0)
  } catch (err) {
    log.fatal({ err }, 'failed')
    await leave(1)
  }
}

const readsFiles = (): boolean =>
  process.getActiveResourcesInfo().some((kind) => kind.startsWith('FSReq'))

/**
 * Ends this process. To exit in order is to wait for the threads that read files, and a file system that
 * hangs holds them for ever: then the process is killed.
 */
async function leave(code: number): Promise<void> {
  const untilMs = performance.now() + FILES_MS_MAX
  while (readsFiles() && performance.now() < untilMs) await sleep(FILES_LOOK_MS)
  if (readsFiles()) process.kill(process.pid, 'SIGKILL')
  else process.exit(code)
}
