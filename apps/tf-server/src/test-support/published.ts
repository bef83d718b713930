// A store as the other apps leave it: versions with manifests, verdicts and golden answers, configs
// and a channel, written by hand.

import { randomUUID } from 'node:crypto'
import {
  bucketKey,
  type Channel,
  Channel as ChannelSchema,
  channelKey,
  configKey,
  type ConfigRef,
  type ConfigVersion,
  digestOfFiles,
  emptyChannel,
  type FileEntry,
  type CommittedManifest,
  madePrefix,
  manifestKey,
  type Models,
  parseServedName,
  renderConfig,
  sha256,
  type Verdict,
  verdictKey,
  versionPrefix,
} from '@drover/model-config'
import { createJson, type ModelStore, readStateJson, swapJson } from '@drover/model-store'
import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import { encodeTensors, floatTensor, GOLDEN_PATH, GoldenAnswers } from '@drover/serving-api'

export const FLEET = 'main'
const AT = '2026-11-22T12:00:00.000Z'
const TRACEPARENT = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
const encoder = new TextEncoder()

/** A SavedModel that answers `y = x + addend`; with `isForeign` only TensorFlow itself runs it. */
export function addModel(addend: number, isForeign = false): Uint8Array {
  const builder = new GraphBuilder()
  const [float, shape] = [attr.type('DT_FLOAT'), attr.shape([-1])]
  builder.add('Placeholder', 'x', [], { dtype: float, shape })
  builder.constant('addend', floatTensor([addend], []))
  builder.add('AddV2', 'y', ['x', 'addend'], { T: float })
  if (isForeign) builder.add('Lgamma', 'z', ['y'], { T: float })
  const output = isForeign ? 'z:0' : 'y:0'
  return writeSavedModel({
    graph: builder.build(),
    signatures: {
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } },
        outputs: { y: { name: output, dtype: 'DT_FLOAT', shape: [-1] } },
      },
    },
  })
}

/** The gate's golden answers of a model that adds. */
export function goldenOf(addend: number): GoldenAnswers {
  const inputs = [0, 1, 2.5]
  const outputs = inputs.map((x) => x + addend)
  return {
    format: 1,
    requests: [
      {
        signature: 'serving_default',
        inputs: encodeTensors({ x: floatTensor(inputs) }),
        outputs: encodeTensors({ y: floatTensor(outputs) }),
      },
    ],
  }
}

export interface VersionOptions {
  name: string
  version: number
  addend: number
  born?: number
  /** Instead of the model that adds. */
  content?: Uint8Array
  /** Instead of the right answers. */
  golden?: GoldenAnswers
  /** Changes the list of files before the manifest is made. */
  withFiles?: (files: FileEntry[]) => FileEntry[]
  engine?: 'kernel' | 'tensorflow'
}

/** Commits a version that passed the gate, and says how a config names it. */
export async function putVersion(
  store: ModelStore,
  options: VersionOptions,
): Promise<ConfigVersion> {
  const { name, version, addend, born = 1, engine = 'kernel' } = options
  const id = parseServedName(name)
  const golden = options.golden ?? goldenOf(addend)
  const contents = new Map([
    ['saved_model.pb', options.content ?? addModel(addend)],
    [GOLDEN_PATH, encoder.encode(JSON.stringify({ format: 1, requests: [] }))],
    ['assets/note.txt', encoder.encode(`${name} ${version}`)],
  ])
  const written = await putFiles(store, versionPrefix(id, version), contents)
  const files = options.withFiles?.(written) ?? written
  const madeFiles = await putFiles(
    store,
    madePrefix(id, version, 1),
    new Map([['golden.json', encoder.encode(JSON.stringify(golden))]]),
  )
  const digest = digestOfFiles(files)
  const manifest: CommittedManifest = {
    format: 1,
    run: randomUUID(),
    request: 'request',
    born,
    traceparent: TRACEPARENT,
    files,
    digest,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    lineage: { recipe: 'push' },
    queuedAt: AT,
    startedAt: AT,
    at: AT,
  }
  const made = digestOfFiles(madeFiles)
  const verdict: Verdict = {
    format: 1,
    n: 1,
    pass: true,
    digest,
    by: 'gate',
    reason: 'it passes',
    checks: [],
    engine,
    files: madeFiles,
    made,
    at: AT,
  }
  await createJson(store, manifestKey(id, version), manifest)
  await createJson(store, verdictKey(id, version, 1), verdict)
  return { version, manifest: digest, verdict: 1, made }
}

async function putFiles(
  store: ModelStore,
  prefix: string,
  contents: ReadonlyMap<string, Uint8Array>,
): Promise<FileEntry[]> {
  const files: FileEntry[] = []
  for (const [path, content] of contents) {
    await store.create(`${prefix}/${path}`, content)
    files.push({ path, sizeBytes: content.length, sha256: sha256(content) })
  }
  return files
}

/**
 * Writes a config that serves one version of each model, all of them of one `born` and the highest one
 * labelled `stable`, and says its digest.
 */
export async function putConfig(
  store: ModelStore,
  versions: Readonly<Record<string, ConfigVersion | readonly ConfigVersion[]>>,
  born = 1,
): Promise<string> {
  const models: Models = Object.fromEntries(
    Object.entries(versions).map(([name, each]) => {
      const all = [each].flat()
      const stable = Math.max(...all.map(({ version }) => version))
      return [name, { born, versions: all, labels: { stable } }]
    }),
  )
  const { root, buckets } = renderConfig(models)
  for (const { sha, text } of buckets.values()) await store.renew(bucketKey(FLEET, sha), text)
  await store.renew(configKey(FLEET, root.sha), root.text)
  return root.sha
}

/** Publishes config 5, in which the version of `acme.late` is no model. */
export async function publishBroken(store: ModelStore): Promise<ConfigRef> {
  const content = Buffer.from('no model')
  const bad = await putVersion(store, { name: 'acme.late', version: 2, addend: 1, content })
  return { sha: await putConfig(store, { 'acme.late': bad }), seq: 5 }
}

/** Moves the channel; its seq is the new one. */
export async function setChannel(
  store: ModelStore,
  live: ConfigRef | undefined,
  more: Partial<Channel> = {},
): Promise<Channel> {
  const key = channelKey(FLEET)
  const before = await readStateJson(store, key, ChannelSchema)
  const seq = (before?.seq ?? -1) + 1
  const base = before ?? emptyChannel('test')
  const moved = live !== undefined && { live: { ...live, at: AT } }
  const next = { ...base, ...moved, ...more, seq }
  if (!(await swapJson(store, key, before?.seq, next))) throw new Error('the channel moved')
  return next
}

/** Publishes one version of each named model, which adds what is given, and a config of them. */
export async function publish(
  store: ModelStore,
  versions: Readonly<Record<string, readonly [version: number, addend: number]>>,
): Promise<string> {
  const named = await Promise.all(
    Object.entries(versions).map(
      async ([name, [version, addend]]) =>
        [name, await putVersion(store, { name, version, addend })] as const,
    ),
  )
  return await putConfig(store, Object.fromEntries(named))
}
