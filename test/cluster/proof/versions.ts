// Models that answer `x + version`, and versions of them that are in the store as if the gate had passed
// them: it takes seconds for each, and what is proved here comes after it.

import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CommittedManifest,
  digestOfFiles,
  madePrefix,
  manifestKey,
  type ModelId,
  sha256,
  Verdict,
  verdictKey,
  versionPrefix,
} from '@drover/model-config'
import { createJson, type ModelStore, requireJson } from '@drover/model-store'
import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import { encodeTensors, floatTensor, type GoldenAnswers, type Tensor } from '@drover/serving-api'

const FLOAT = attr.type('DT_FLOAT')
const GOLDEN_INPUTS = [0, 1, 2.5]
/** A square of numbers that takes 8 GB, twice what a server may have. */
const HUGE_WIDTH = 46_000

const ints = (...values: number[]): Tensor => ({
  dtype: 'DT_INT32',
  shape: [values.length],
  values: Int32Array.from(values),
})

function savedModel(builder: GraphBuilder): Uint8Array {
  return writeSavedModel({
    graph: builder.build(),
    signatures: {
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } },
        outputs: { y: { name: 'y:0', dtype: 'DT_FLOAT', shape: [-1] } },
      },
    },
  })
}

function withInput(): GraphBuilder {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  return builder
}

/** `y = x + version`. */
export function versionModel(version: number): Uint8Array {
  const builder = withInput()
  builder.constant('version', floatTensor([version], []))
  builder.add('AddV2', 'y', ['x', 'version'], { T: FLOAT })
  return savedModel(builder)
}

/** The same by name, but whatever runs it asks for more memory than there is, and is killed. */
export function killingModel(): Uint8Array {
  const builder = withInput()
  const sum = { T: FLOAT, Tidx: attr.type('DT_INT32'), keep_dims: attr.bool(false) }
  builder.constant('first', ints(0))
  builder.constant('axes', ints(0, 1))
  builder.constant('size', ints(HUGE_WIDTH, HUGE_WIDTH))
  builder.add('Sum', 'value', ['x', 'first'], sum)
  builder.add('Fill', 'huge', ['size', 'value'], { T: FLOAT, index_type: attr.type('DT_INT32') })
  builder.add('Exp', 'huger', ['huge'], { T: FLOAT })
  builder.add('Sum', 'sum', ['huger', 'axes'], sum)
  builder.add('AddV2', 'y', ['x', 'sum'], { T: FLOAT })
  return savedModel(builder)
}

const goldenOf = (version: number): GoldenAnswers => ({
  format: 1,
  requests: [
    {
      signature: 'serving_default',
      inputs: encodeTensors({ x: floatTensor(GOLDEN_INPUTS) }),
      outputs: encodeTensors({ y: floatTensor(GOLDEN_INPUTS.map((x) => x + version)) }),
    },
  ],
})

/** A folder with the first version, as somebody pushes it. */
export async function writeFirst(folder: string): Promise<string> {
  await mkdir(join(folder, 'variables'), { recursive: true })
  await writeFile(join(folder, 'saved_model.pb'), versionModel(1))
  return folder
}

async function putFile(store: ModelStore, prefix: string, path: string, content: Uint8Array) {
  await store.create(`${prefix}/${path}`, content)
  return { path, sizeBytes: content.length, sha256: sha256(content) }
}

/** Writes a version like the first one, with the verdict that the gate gave that one. */
export async function putVersion(
  store: ModelStore,
  id: ModelId,
  { version, content }: { version: number; content: Uint8Array },
): Promise<void> {
  const first = await requireJson(store, manifestKey(id, 1), CommittedManifest)
  const passed = await requireJson(store, verdictKey(id, 1, 1), Verdict)
  const files = [await putFile(store, versionPrefix(id, version), 'saved_model.pb', content)]
  const golden = new TextEncoder().encode(JSON.stringify(goldenOf(version)))
  const madeFiles = [await putFile(store, madePrefix(id, version, 1), 'golden.json', golden)]
  const digest = digestOfFiles(files)
  const manifest = {
    ...first,
    run: randomUUID(),
    request: `proof-${version}`,
    files,
    digest,
    sizeBytes: content.length,
  }
  await createJson(store, manifestKey(id, version), manifest)
  const made = digestOfFiles(madeFiles)
  await createJson(store, verdictKey(id, version, 1), { ...passed, digest, files: madeFiles, made })
}
