// A worker in a process of its own that takes a nudge and never ends it, for tests that kill it.

import { startWorker } from './worker.ts'

const [url = '', prefix = '', lockMs = ''] = process.argv.slice(2)

startWorker(
  { name: 'rollout', fleet: 'main' },
  { url, prefix },
  async () => {
    process.stdout.write('taken\n')
    await new Promise(() => {})
  },
  { lockMs: Number(lockMs), onError: (error) => console.error(error) },
)
process.stdin.once('close', () => process.exit(1)).resume()
