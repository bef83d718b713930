import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { vi } from 'vitest'
import { get, post } from './cases/rest/case.ts'
import { configList, configOf, writeModel } from './models.ts'
import { exchange } from './raw-http.ts'
import { startTested, type TestedServer } from './server.ts'

const WAIT_MS_MAX = 20_000
const LOOK_MS = 50
const CALLERS = 4
/** How `expect.poll` waits for what a server is to come to. */
export const EVENTUALLY = { timeout: WAIT_MS_MAX, interval: LOOK_MS }
const Status = z.object({
  model_version_status: z.array(
    z.object({
      version: z.string(),
      state: z.string(),
      status: z.object({ error_code: z.string(), error_message: z.string() }),
    }),
  ),
})

const Answer = z.object({ predictions: z.tuple([z.number()]) })

/** A server with a models.config that a test changes. */
export interface World extends AsyncDisposable {
  readonly root: string
  readonly server: TestedServer
  readonly configPath: string
  /** Writes versions and an entry for them in the config; gives the base path. */
  add(name: string, versions: Readonly<Record<string, Uint8Array>>, more?: string): Promise<string>
  /** Makes an entry of the config another one; without a base path, it goes. */
  configure(name: string, basePath?: string, more?: string): Promise<void>
  /** Puts any text in place of the config, by a rename. */
  write(text: string): Promise<void>
  /** The config as the entries are. */
  text(): string
  /** States by version, `3 AVAILABLE`; empty for a model that is not known. */
  states(name: string): Promise<string[]>
  /** Messages of the versions that failed. */
  faults(name: string): Promise<string[]>
  /** Waits until the versions of a model are in these states. */
  until(name: string, states: readonly string[]): Promise<void>
  /** What `{"instances": [2.0]}` gives: its answer, or the status of the refusal. */
  ask(name: string): Promise<number>
  /** Waits until it gives this. */
  untilAnswers(name: string, wanted: number): Promise<void>
}

/** Starts a server that looks at its config and its folders every second. */
export async function startWorld(flags: readonly string[] = []): Promise<World> {
  const root = await mkdtemp(join(tmpdir(), 'drover-world-'))
  const configPath = join(root, 'models.config')
  const entries = new Map<string, string>()
  const text = (): string => configList([...entries.values()])
  let writing: Promise<void> = Promise.resolve()
  // One after another: tests that run at the same time add their entries to one file.
  const write = async (content: string | (() => string)): Promise<void> => {
    const before = writing
    writing = (async () => {
      await before
      await writeFile(`${configPath}.new`, typeof content === 'string' ? content : content())
      await rename(`${configPath}.new`, configPath)
    })()
    await writing
  }
  const configure = async (name: string, basePath?: string, more?: string): Promise<void> => {
    if (basePath === undefined) entries.delete(name)
    else entries.set(name, configOf(name, basePath, more))
    await write(text)
  }
  await write(text())
  const server = await startTested([
    `--model_config_file=${configPath}`,
    '--model_config_file_poll_wait_seconds=1',
    '--file_system_poll_wait_seconds=1',
    '--max_num_load_retries=0',
    ...flags,
  ])
  const looker = lookAt(server)
  return {
    root,
    server,
    configPath,
    add: async (name, versions, more) => {
      const basePath = await writeModel(root, name, versions)
      await configure(name, basePath, more)
      return basePath
    },
    configure,
    write,
    text,
    ...looker,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await rm(root, { recursive: true, force: true })
    },
  }
}

type Looker = Pick<World, 'states' | 'faults' | 'until' | 'ask' | 'untilAnswers'>

function lookAt({ rest }: TestedServer): Looker {
  const versionsOf = async (name: string) => {
    const { status, body } = await exchange(rest, get(`/v1/models/${name}`))
    return status === 200 ? Status.parse(JSON.parse(body)).model_version_status : []
  }
  const states = async (name: string): Promise<string[]> =>
    (await versionsOf(name)).map(({ version, state }) => `${version} ${state}`)
  const ask = async (name: string): Promise<number> => {
    const { status, body } = await exchange(rest, post(`${name}:predict`, '{"instances":[2.0]}'))
    return status === 200 ? Answer.parse(JSON.parse(body)).predictions[0] : status
  }
  return {
    states,
    faults: async (name) =>
      (await versionsOf(name))
        .filter(({ status }) => status.error_code !== 'OK')
        .map(({ status }) => status.error_message),
    until: async (name, wanted) =>
      await waitFor(
        () => states(name),
        (found) => found.join() === wanted.join(),
      ),
    ask,
    untilAnswers: async (name, wanted) =>
      await waitFor(
        () => ask(name),
        (found) => found === wanted,
      ),
  }
}

/** Looks until what it sees is right; says what it saw last if it never is. */
export async function waitFor<T>(
  look: () => Promise<T>,
  isRight: (seen: T) => boolean,
  msMax = WAIT_MS_MAX,
): Promise<void> {
  let seen: T | undefined
  try {
    await vi.waitUntil(
      async () => {
        seen = await look()
        return isRight(seen)
      },
      { timeout: msMax, interval: LOOK_MS },
    )
  } catch (error) {
    throw new Error(`it is ${JSON.stringify(seen)} still`, { cause: error })
  }
}

/** Asks a model by several callers at a time until what goes on beside has ended; gives all answers. */
export async function askMeanwhile(
  world: World,
  name: string,
  meanwhile: () => Promise<void>,
): Promise<number[]> {
  const answers: number[] = []
  const ending = new AbortController()
  const asking = Array.from({ length: CALLERS }, async () => {
    while (!ending.signal.aborted) answers.push(await world.ask(name))
  })
  try {
    await meanwhile()
  } finally {
    ending.abort()
    await Promise.all(asking)
  }
  return answers
}
