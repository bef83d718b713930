#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

// oxlint-disable-next-line node/no-process-env -- runs before the code that reads the settings
const { env } = process
// Where the set-up puts a Redis when the machine has none.
const bin = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin')
env.PATH = [bin, env.PATH ?? ''].join(delimiter)
const main = join(import.meta.dirname, '..', 'dist', 'main.js')
if (existsSync(main)) await import(main)
else {
  console.error('drover is not built: run npm run setup in its repository')
  process.exitCode = 1
}
