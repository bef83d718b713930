import { mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mapBounded } from '@drover/basics'
import { type ModelId, type UsableVersion, versionPrefix } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { GOLDEN_PATH, GoldenRequests } from '@drover/serving-api'
import type { GoldenRequest } from './seeds.ts'

const FETCHES_AT_ONCE = 8
const GOLDEN_BYTES_MAX = 32 * 1024 * 1024

/** Brings a version's files into a folder, each checked against its manifest. */
export async function fetchVersion(
  store: ModelStore,
  { id, version, manifest }: UsableVersion & { id: ModelId },
  directory: string,
): Promise<void> {
  await mapBounded(manifest.files, FETCHES_AT_ONCE, async ({ path, sizeBytes, sha256 }) => {
    const target = join(directory, path)
    await mkdir(dirname(target), { recursive: true })
    const key = `${versionPrefix(id, version)}/${path}`
    await store.fetchFile(key, target, { sizeBytes, sha256 })
  })
}

/** The golden requests that a version brought: none, or why they cannot be used. */
export type Brought =
  | { kind: 'requests'; requests: readonly GoldenRequest[] }
  | { kind: 'none' }
  | { kind: 'invalid'; reason: string }

/** Reads them from the fetched files. */
export async function readGolden({ manifest }: UsableVersion, directory: string): Promise<Brought> {
  const file = manifest.files.find(({ path }) => path === GOLDEN_PATH)
  if (file === undefined) return { kind: 'none' }
  if (file.sizeBytes > GOLDEN_BYTES_MAX) {
    return { kind: 'invalid', reason: `${GOLDEN_PATH} has ${file.sizeBytes} bytes` }
  }
  const text = await readFile(join(directory, GOLDEN_PATH), 'utf8')
  const requests = GoldenRequests.safeParse(jsonOf(text))
  if (!requests.success) {
    return { kind: 'invalid', reason: `${GOLDEN_PATH} holds no golden requests` }
  }
  const { length } = requests.data.requests
  return length === 0 ? { kind: 'none' } : { kind: 'requests', requests: requests.data.requests }
}

/** Undefined for what is no JSON: the version's own fault, like any other wrong shape. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
