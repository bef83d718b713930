import type { Log } from './log.ts'

const STOP_MS_MAX = 10_000

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
  const ask = (why: string) => () => {
    if (stop.signal.aborted) return
    log.info({ why }, 'stopping')
    stop.abort()
    // Whatever hangs must not keep the process: the deadline is this process's own kill.
    setTimeout(() => {
      log.error('stopping took too long')
      process.exit(1)
    }, stopMsMax).unref()
  }
  process.once('SIGINT', ask('SIGINT')).once('SIGTERM', ask('SIGTERM'))
  if (followsParent) process.stdin.once('close', ask('the parent is gone')).resume()
  try {
    await start(stop.signal)
    log.info('stopped')
    process.exit(0)
  } catch (err) {
    log.fatal({ err }, 'failed')
    process.exit(1)
  }
}
