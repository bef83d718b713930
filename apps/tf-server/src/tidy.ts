import type { ConfigEntry } from '@drover/model-config'
import type { Ports } from './ports.ts'
import { type PulledConfig, pullConfig } from './pull/fleet-config.ts'
import type { TreeVersion } from './pull/tree.ts'

/** Removes from disk what nothing serves and nothing may start with any more. */
export async function tidy(ports: Ports): Promise<void> {
  const { memory, tree, cache } = ports
  const isServed = ({ name, version }: TreeVersion) =>
    memory.serving.get(name)?.versions.some((each) => each.version === version)
  for (const each of tree.list()) if (!isServed(each)) await tree.remove(each)
  await cache.evict(async () => await objectsInUse(ports))
}

/** Everything that the confirmed config, what is served, and the config last seen live consist of. */
async function objectsInUse(ports: Ports): Promise<Set<string>> {
  const { memory, versions } = ports
  const configs = [memory.confirmed, await readSeenLive(ports)].filter((each) => each !== undefined)
  const used = new Set(configs.flatMap(({ objects }) => objects))
  const entries: ConfigEntry[] = [...memory.serving.values()]
  for (const { models } of configs) entries.push(...Object.values(models))
  for (const version of entries.flatMap((entry) => entry.versions))
    for (const object of await versions.objectsOf(version)) used.add(object)
  return used
}

async function readSeenLive(ports: Ports): Promise<PulledConfig | undefined> {
  const { seenLive } = ports.disk
  if (seenLive === undefined) return undefined
  try {
    return await pullConfig(ports.cache, ports.source, { ...ports, sha: seenLive.ref.sha })
  } catch (err) {
    ports.log.warn({ err }, 'the config that was live cannot be read')
    return undefined
  }
}
