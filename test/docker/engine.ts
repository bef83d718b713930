import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../support/root.ts'

const BASE_IMAGE = 'node:24-slim'
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const ANSWER_MS_MAX = 30_000
/** A build that has to fetch everything takes two minutes on two idle cores. */
export const BUILD_MS_MAX = 20 * 60_000

export interface CommandOptions {
  env?: NodeJS.ProcessEnv
  input?: string
  timeoutMs?: number
}

/** Runs a command at the root of the repository; gives its output. Throws with what it said. */
export async function run(
  command: string,
  args: readonly string[],
  { env = {}, input, timeoutMs = BUILD_MS_MAX }: CommandOptions = {},
): Promise<string> {
  const options = {
    cwd: ROOT,
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    maxBuffer: OUTPUT_BYTES_MAX,
  }
  return await new Promise((resolve, reject) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout.trim())
      const said = `${stdout}${stderr}`.slice(-4_000)
      reject(new Error(`${command} ${args.join(' ')} failed: ${said}`, { cause: error }))
    })
    // A command that reads nothing may be gone before it could.
    child.stdin?.on('error', () => {}).end(input)
  })
}

const works = async (...args: string[]): Promise<boolean> =>
  await run('docker', args, { timeoutMs: ANSWER_MS_MAX }).then(
    () => true,
    () => false,
  )

/** An image by its name, here or from its registry. */
export const hasImage = async (name: string): Promise<boolean> =>
  (await works('image', 'inspect', name)) || (await works('pull', '--quiet', name))

/**
 * Why nothing can be tested with Docker on this machine; undefined when it can. Where no engine
 * answers, DROVER_DOCKER_SETUP may name a folder with two programs: `start-docker`, which starts one
 * and prints `export DOCKER_HOST=...`, and `base-image`, which makes the base image.
 */
export async function whyNoDocker(): Promise<string | undefined> {
  const { DROVER_DOCKER_SETUP: setup } = process.env
  if (!(await works('version')) && setup !== undefined) {
    const said = await run(join(setup, 'start-docker'), [])
    process.env.DOCKER_HOST = /^export DOCKER_HOST=(\S+)$/m.exec(said)?.[1]
  }
  if (!(await works('version'))) return 'no Docker engine answers'
  if (setup !== undefined && existsSync(join(setup, 'base-image'))) {
    await run(join(setup, 'base-image'), [])
  }
  if (!(await hasImage(BASE_IMAGE))) return `${BASE_IMAGE} is not here and cannot be pulled`
  return undefined
}

/** The same for Compose. */
export async function whyNoCompose(): Promise<string | undefined> {
  const why = await whyNoDocker()
  if (why !== undefined) return why
  return (await works('compose', 'version')) ? undefined : 'there is no docker compose'
}

export const docker = async (...args: string[]): Promise<string> => await run('docker', args)

/** Builds the image of an app, as docs/docker.md says; gives its name. */
export async function build(
  app: string,
  { tensorflow, tag = 'test' }: { tensorflow: boolean; tag?: string },
): Promise<string> {
  const name = `drover/${app}:${tag}`
  const args = [`APP=${app}`, `TENSORFLOW=${tensorflow ? 'yes' : 'no'}`]
  const options = args.flatMap((arg) => ['--build-arg', arg])
  await docker('build', '--quiet', '--file', 'deploy/Dockerfile', ...options, '--tag', name, '.')
  return name
}
