// A service in a process of its own, for tests of how it ends.

import { once } from 'node:events'
import { readFile } from 'node:fs'
import { makeLog } from './log.ts'
import { runService } from './run.ts'

const [follows, how, pipe] = process.argv.slice(2)
const log = makeLog('service')

const serve = async (stop: AbortSignal): Promise<void> => {
  // What a service does keeps its process.
  const working = setInterval(() => {}, 1_000)
  log.info({ token: 'secret', api: { token: 'secret' } }, 'started')
  if (how === 'fails') throw new Error('cannot go on')
  if (how === 'ends') return
  await once(stop, 'abort')
  // Nobody ever writes into the pipe.
  if (pipe !== undefined) readFile(pipe, () => {})
  if (how === 'hangs') await new Promise(() => {})
  log.info('tidied up')
  clearInterval(working)
}

await runService(log, follows === 'follows', serve, { stopMsMax: 500 })
