import { once } from 'node:events'
import { makeLog, runService } from '@drover/service'
import { type Flags, isUnderNpx, logLevel } from './config.ts'
import { readFlagFiles } from './flags/files.ts'
import { isPipe, npmEnd } from './launch/parent.ts'
import { startModelServer } from './model-server.ts'
import { NOT_STARTED_CODE, tellListening, tellWhyNot } from './start-texts.ts'

/** On top of what requests in flight may take. */
const STOP_MARGIN_MS = 5_000

/** Serves until told to end. Throws for flags, files and configs without which there is no server. */
export async function serve(flags: Flags): Promise<void> {
  const log = makeLog('model-server')
  log.level = logLevel()
  const files = await readFlagFiles(flags)
  for (const why of flags.warnings) log.warn({ why }, 'flags')
  if (flags.isSinglePort)
    log.warn('no admin socket: whoever reaches the ports may change what is served')
  const { followsParent } = flags.process
  const live = async (stop: AbortSignal): Promise<void> => {
    const lost = new AbortController()
    const onLost = (error: Error): void => lost.abort(error)
    const { listening, asked, drain } = await startModelServer({ flags, files, log, onLost }).catch(
      (error: unknown) => {
        log.fatal({ err: error }, 'failed')
        tellWhyNot(error)
        process.exit(NOT_STARTED_CODE)
      },
    )
    if (followsParent) process.once('disconnect', () => lost.abort())
    if (isUnderNpx()) npmEnd().addEventListener('abort', () => lost.abort())
    if (listening !== undefined) tellListening(flags, listening)
    const { rest: url, grpc } = listening ?? {}
    log.info({ url, grpc, unix: flags.grpc.socketName, pid: process.pid }, 'started')
    const ended = AbortSignal.any([stop, asked, lost.signal])
    if (!ended.aborted) await once(ended, 'abort')
    await drain()
    if (lost.signal.reason instanceof Error && lost.signal.reason.name !== 'AbortError')
      throw lost.signal.reason
  }
  const stopMsMax = flags.limits.drainMsMax + STOP_MARGIN_MS
  await runService(log, followsParent && isPipe(0), live, { stopMsMax })
}
