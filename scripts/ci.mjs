#!/usr/bin/env node
// What CI runs on a clean clone: the README's own command first, then the slow tests that only compute.
// Then, beside each other, two that wait more than they compute: the slow tests that start servers; and
// the images one by one, which are skipped where no Docker engine answers, with a whole Drover in a
// cluster with every fault once, which is skipped where there is none. It ends with one line that counts
// all of them.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const ROOT = join(import.meta.dirname, '..')
const ALONE = [
  ['npm', 'test'],
  ['npm', 'run', 'test:slow', '--', '--project', 'together'],
]
/** Each one after the other, and both at the same time. */
const LANES = [
  [['npm', 'run', 'test:slow', '--', '--project', 'alone']],
  [
    ['npm', 'run', 'test:docker', '--', 'test/docker/images'],
    ['npm', 'run', 'test:cluster'],
  ],
]
/** Where an engine and its base image are made if nothing else is told; see test/docker/engine.ts. */
const DOCKER_NEIGHBOUR = join(ROOT, '../shared/docker')
const { DOCKER_HOST, DROVER_DOCKER_SETUP } = process.env
const isTold = DOCKER_HOST !== undefined || DROVER_DOCKER_SETUP !== undefined
const env = {
  DROVER_PROOF: 'short',
  ...(!isTold && existsSync(DOCKER_NEIGHBOUR) && { DROVER_DOCKER_SETUP: DOCKER_NEIGHBOUR }),
  ...process.env,
}
const CLOSING = /^(\d+) passed, (\d+) failed, (\d+) skipped$/

const total = [0, 0, 0]

/** Adds what a suite counts to the total. Its lines are told apart from those of another by `mark`. */
async function run([command, ...args], mark = '') {
  const name = [command, ...args].join(' ')
  const startMs = performance.now()
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  let counts
  for await (const line of createInterface({ input: child.stdout })) {
    const found = CLOSING.exec(line)
    // The counts of a suite come once, at the end of all.
    if (found === null) console.log(mark + line)
    else counts = found.slice(1).map(Number)
  }
  const code = await exited
  // A suite that died before it could count has failed, whatever it did until then.
  counts ??= [0, 1, 0]
  if (code !== 0 && counts[1] === 0) counts[1] = 1
  const seconds = Math.round((performance.now() - startMs) / 1_000)
  const [passed, failed, skipped] = counts
  console.log(`${name}: exit ${code}, ${passed} + ${failed} + ${skipped} in ${seconds} s`)
  for (const [index, count] of counts.entries()) total[index] += count
}

async function runLane(suites) {
  for (const suite of suites) await run(suite, `${suite[2]} | `)
}

for (const suite of ALONE) await run(suite)
await Promise.all(LANES.map(runLane))
console.log(`${total[0]} passed, ${total[1]} failed, ${total[2]} skipped`)
process.exitCode = total[1] === 0 ? 0 : 1
