#!/usr/bin/env node
import { delimiter, join } from 'node:path'

// oxlint-disable-next-line node/no-process-env -- runs before the code that reads the settings
const { env } = process
// Where the set-up puts a Redis when the machine has none.
const bin = join(import.meta.dirname, '..', '..', '..', 'node_modules', '.bin')
env.PATH = [bin, env.PATH ?? ''].join(delimiter)
await import('../dist/main.js')
