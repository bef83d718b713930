// Runs buf, which reads `.proto` files. Nothing is asked of any network.

import { execFileSync } from 'node:child_process'
import { delimiter, join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const WAIT_MS_MAX = 60_000

export function runBuf(args) {
  const { PATH = '' } = process.env
  execFileSync(join(BIN, 'buf'), args, {
    cwd: ROOT,
    env: { ...process.env, PATH: [BIN, PATH].join(delimiter) },
    stdio: 'inherit',
    timeout: WAIT_MS_MAX,
  })
}
