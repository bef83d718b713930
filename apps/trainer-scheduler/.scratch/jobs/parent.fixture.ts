// A process that starts a private Redis and says so, for tests that kill it.

import { startRedisServer } from './server.ts'

const [directory = '', socket = ''] = process.argv.slice(2)
const { pid } = await startRedisServer({ directory, socket })
process.stdout.write(`${pid}\n`)
process.stdin.once('close', () => process.exit(1)).resume()
