// A server of as many threads as there are workers, each listening on its own copies of the sockets,
// for tests of the launcher.

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type Flags, readFlags } from '../config.ts'
import { launch, needsLaunch } from '../launch/launch.ts'
import { isPipe, parentEnd } from '../launch/parent.ts'
import { type Places, placesOf } from '../launch/places.ts'
import type { ListeningThreadData } from './listening-thread.ts'

const THREAD = new URL('listening-thread.js', import.meta.url)
/** A server that drains; a second signal in between would end it at once. */
const DRAIN_MS = 50

const asked = readFlags(process.argv.slice(2))
if (asked.kind !== 'serve') throw new Error(asked.kind)
const flags = asked.settle()
if (needsLaunch(flags)) await launchThis(asked.words)
else await startThreads()

async function launchThis(words: readonly string[]): Promise<void> {
  try {
    await launch({ program: fileURLToPath(import.meta.url), words, flags })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : ''}\n`)
    process.exit(1)
  }
}

async function startThreads(): Promise<void> {
  const threads = placesOf(flags).map((places, thread) => {
    const workerData: ListeningThreadData = { thread, fds: fdsOf(places) }
    return new Worker(THREAD, { workerData })
  })
  await Promise.all(threads.map(async (thread) => await once(thread, 'message')))
  for (const thread of threads) thread.on('message', (code: number) => process.exit(code))
  process.once('SIGTERM', () => end('SIGTERM')).once('SIGINT', () => end('SIGINT'))
  follow(flags)
  process.stdout.write(`${JSON.stringify({ msg: 'started', pid: process.pid })}\n`)
}

function follow({ process: { followsParent } }: Flags): void {
  if (followsParent && isPipe(0))
    parentEnd().addEventListener('abort', () => end('the parent is gone'))
}

function end(why: string): void {
  process.stdout.write(`${JSON.stringify({ msg: 'ending', why })}\n`)
  setTimeout(() => process.exit(0), DRAIN_MS)
}

function fdsOf({ rest, grpc, unix }: Places): number[] {
  return [rest, grpc, unix].flatMap((place) =>
    place !== undefined && 'fd' in place ? [place.fd] : [],
  )
}
