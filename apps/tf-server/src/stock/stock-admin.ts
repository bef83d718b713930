import { setTimeout as sleep } from 'node:timers/promises'
import { mapBounded } from '@drover/basics'
import type { ServedList, ServedModel, ServedVersion } from '@drover/model-config'
import { status } from '@grpc/grpc-js'
import { AgentError } from '../errors.ts'
import type { Admin } from '../serve/admin.ts'
import { reloadSteps, type ServedModels } from './reload-steps.ts'
import type { ServedFile } from './served-file.ts'
import { codeOf, type ServingClient } from './serving-client.ts'

const CALL_MS_MAX = 30_000
const LOAD_MS_MAX = 10_000
/** TensorFlow loads in the caller's time, and many at a time. */
const SETTLE_MS_MAX = 600_000
const RUN_MS_MAX = 40_000
const LOOK_MS = 20
const LOOKS_AT_ONCE = 8
/** Prove nothing about a version. */
const BUSY = new Set<number | undefined>([
  status.UNAVAILABLE,
  status.RESOURCE_EXHAUSTED,
  status.DEADLINE_EXCEEDED,
])

export interface StockAdminOptions {
  client: ServingClient
  /** What it was told to serve last, over the lives of this process. */
  served: ServedFile
  /** Whether it still serves that: one that has just been started does not. */
  isKept: boolean
  /** Asks the server to end. */
  drain: () => void
}

/**
 * Drives a stock server by TF Serving's own protocol. It knows no deltas: each change is its whole
 * list of models. What it served under an earlier life of this process goes on until it `accept`s.
 */
export function makeStockAdmin({ client, served, isKept, drain }: StockAdminOptions): Admin {
  let models: ServedModels = isKept ? served.value : new Map()
  /** Those that this life of the agent has named. */
  const named = new Set<string>()

  async function moveTo(after: ServedModels, names: readonly string[]): Promise<ServedVersion[]> {
    let list: ServedVersion[] = []
    for (const step of reloadSteps(models, after)) list = await give(step, names)
    models = new Map(withLabels(after, list).map((model) => [model.name, model]))
    await served.write(models)
    return list
  }

  /** One config; resolves when each version of the named models is loaded or has failed. */
  async function give(step: ServedModels, names: readonly string[]): Promise<ServedVersion[]> {
    const msMax = Math.min(CALL_MS_MAX + LOAD_MS_MAX * names.length, SETTLE_MS_MAX)
    const wanted = names.flatMap((name) => step.get(name) ?? [])
    const loaded = await statesOf(client, wanted)
    const against = await told(() => client.reload(withLabels(step, loaded), msMax))
    const untilMs = performance.now() + msMax
    for (;;) {
      const list = await statesOf(client, wanted)
      if (list.every(({ state }) => state === 'AVAILABLE' || state === 'END')) return list
      if (performance.now() > untilMs) {
        const message = `the model server did not settle in ${msMax} ms: ${against ?? 'no reason'}`
        throw new AgentError('SERVER_ENDED', message)
      }
      await sleep(LOOK_MS)
    }
  }

  return {
    change: async (upserts, removes): Promise<ServedList> => {
      const after = new Map(models)
      for (const name of removes) after.delete(name)
      for (const model of upserts) {
        after.set(model.name, model)
        named.add(model.name)
      }
      return {
        versions: await moveTo(
          after,
          upserts.map(({ name }) => name),
        ),
      }
    },
    run: async (name, version, golden) => {
      try {
        return await client.predict({ name, version }, golden, RUN_MS_MAX)
      } catch (cause) {
        const code = BUSY.has(codeOf(cause)) ? 'IMPAIRED' : 'FAULT'
        throw new AgentError(code, 'a golden request fails on the server', { cause })
      }
    },
    pulse: async (msMax) => {
      await told(() => client.pulse(msMax))
    },
    // Its own page is where its `--monitoring_config_file` says.
    metrics: async () => '',
    accept: async () => {
      const kept = [...models].filter(([name]) => named.has(name))
      if (kept.length < models.size) await moveTo(new Map(kept), [])
    },
    drain: async () => drain(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

/** The versions that are wanted of some models, as the server tells of them. */
async function statesOf(
  client: ServingClient,
  wanted: readonly ServedModel[],
): Promise<ServedVersion[]> {
  const lists = await mapBounded(wanted, LOOKS_AT_ONCE, async ({ name, versions }) => {
    const found = await told(() => client.versions(name, CALL_MS_MAX))
    return versions.map((version): ServedVersion => {
      const { state = 'START', error } = found?.find((each) => each.version === version) ?? {}
      return { name, version, state, sizeBytes: 0, ...(error && { error }) }
    })
  })
  return lists.flat()
}

/** Labels only for versions that can have one: with any other the server takes no config at all. */
function withLabels(step: ServedModels, known: readonly ServedVersion[]): ServedModel[] {
  const states = new Map(known.map(({ name, version, state }) => [`${name} ${version}`, state]))
  return Array.from(step.values(), (model) => {
    const labels = Object.entries(model.labels).filter(
      ([, version]) => (states.get(`${model.name} ${version}`) ?? 'AVAILABLE') === 'AVAILABLE',
    )
    return { ...model, labels: Object.fromEntries(labels) }
  })
}

/** What the server tells; one that does not answer counts as ended. */
async function told<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (cause) {
    throw new AgentError('SERVER_ENDED', 'the model server does not answer', { cause })
  }
}
