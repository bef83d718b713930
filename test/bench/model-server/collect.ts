// Preloaded into every thread of a server whose memory is measured: on SIGUSR2 each collects its
// garbage, so that what is left is what the server holds on to.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

setFlagsFromString('--expose-gc')
const gc: unknown = runInNewContext('gc')
const collect = (): void => {
  if (typeof gc === 'function') gc()
}
const channel = new BroadcastChannel('collect')
channel.unref()
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- its type has no such method
channel.onmessage = collect
if (isMainThread)
  process.on('SIGUSR2', () => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
    channel.postMessage(undefined)
    collect()
  })
