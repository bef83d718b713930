#!/usr/bin/env node
// A real S3 for tests and local work: versitygw over a folder, in the foreground.
//
//   node scripts/start-s3.mjs FOLDER [PORT]   starts it with one bucket, `drover`; ends with its stdin or SIGTERM
//   node scripts/start-s3.mjs --fetch         only obtains the program: 2 to 3 minutes, once for each machine
//   node scripts/start-s3.mjs --check         exit 0 where it is there or can be built
//
// Once it answers, it writes one line of JSON to stdout: {"endpoint", "bucket", "accessKeyId",
// "secretAccessKey"}. The keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else test keys.
//
// VERSITYGW: the program, where it is installed already; else it is built by Go.
// XDG_CACHE_HOME: the program is kept in drover-s3/ below it.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const VERSION = 'v1.8.0'
const PACKAGE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`
const BUCKET = 'drover'
const START_MS_MAX = 20_000
const BUILD_MS_MAX = 15 * 60_000
const POLL_MS = 20

// oxlint-disable-next-line node/no-process-env -- a script
const env = process.env
const CACHE = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'drover-s3')
const PROGRAM = env.VERSITYGW || join(CACHE, `versitygw-${VERSION}`)

const hasGo = () => spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0

/** Builds the program, whole or not at all: others may be looking, or building, at the same time. */
async function obtain() {
  if (existsSync(PROGRAM)) return
  if (!hasGo())
    throw new Error(`needs Go 1.25 to build versitygw ${VERSION}, or VERSITYGW=its path`)
  await fs.mkdir(CACHE, { recursive: true })
  const folder = await fs.mkdtemp(join(CACHE, 'build-'))
  try {
    console.error(`building versitygw ${VERSION}: two to three minutes, once`)
    const { status } = spawnSync('go', ['install', '-trimpath', '-ldflags=-s -w', PACKAGE], {
      env: { ...env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: BUILD_MS_MAX,
    })
    if (status !== 0) throw new Error('go install failed')
    await fs.rename(join(folder, 'versitygw'), PROGRAM)
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address()
  await new Promise((done) => server.close(done))
  return port
}

async function start(folder, port) {
  await obtain()
  const buckets = join(resolve(folder), 'buckets')
  // A bucket of this gateway is a folder.
  await fs.mkdir(join(buckets, BUCKET), { recursive: true })
  const accessKeyId = env.AWS_ACCESS_KEY_ID || 'drover'
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY || 'drover-test-secret'
  // Never its option --sidecar: there a reader can meet one body with the checksum of another.
  const options = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', '--health', '/health']
  const child = spawn(PROGRAM, [...options, 'posix', buckets], {
    env: { ...env, ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  child.once('exit', (code) => process.exit(code ?? 1))
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill('SIGTERM'))
  process.stdin.on('end', () => child.kill('SIGTERM')).resume()
  const endpoint = `http://127.0.0.1:${port}`
  const deadline = performance.now() + START_MS_MAX
  while (!(await fetch(`${endpoint}/health`).catch(() => undefined))?.ok) {
    if (performance.now() > deadline) throw new Error('versitygw does not answer')
    await delay(POLL_MS)
  }
  console.log(JSON.stringify({ endpoint, bucket: BUCKET, accessKeyId, secretAccessKey }))
}

const [command, port] = process.argv.slice(2)
if (command === '--check') process.exitCode = existsSync(PROGRAM) || hasGo() ? 0 : 1
else if (command === '--fetch') await obtain()
else if (command === undefined) throw new Error('start-s3.mjs FOLDER [PORT] | --fetch | --check')
else await start(command, port ?? (await freePort()))
