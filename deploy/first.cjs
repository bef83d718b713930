// Loaded before everything else in a container. The kernel lets the first process of a container hear
// only the signals that it has asked for, so a SIGTERM that comes while Node still reads the app's
// files would be lost, and the container killed at the end of its grace.

const { isMainThread } = require('node:worker_threads')

if (process.pid === 1 && isMainThread) {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      // Once the app listens by itself, it ends as it wants to. Until then nothing has begun.
      if (process.listenerCount(signal) === 0) process.exit(0)
    })
  }
}
