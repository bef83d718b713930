// The models of the figures: dense networks as `../shared/peers` and the issue name them.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import { floatTensor, type TensorInfo } from '@drover/serving-api'
import { field, textField, varint } from './protobuf.ts'

/** Sizes of the layers, inputs first. */
export type Layers = readonly [number, number, number]

/** 101,770 parameters. */
export const LARGE: Layers = [784, 128, 10]
export const SMALL: Layers = [16, 32, 3]

/** A network with one hidden layer: relu, then softmax. Its weights follow from the seed. */
export function network([inputs, hidden, outputs]: Layers, seed: number): Uint8Array {
  const graph = new GraphBuilder()
  const type = { T: attr.type('DT_FLOAT') }
  const next = makeRandom(seed)
  const weights = (name: string, rows: number, columns: number): string => {
    const scale = Math.sqrt(2 / rows)
    const values = new Float32Array(rows * columns)
    for (let index = 0; index < values.length; index++) values[index] = (next() - 0.5) * scale
    return graph.constant(name, floatTensor(values, [rows, columns]))
  }
  const bias = (name: string, size: number): string =>
    graph.constant(name, floatTensor(Float32Array.from({ length: size }, () => next() - 0.5)))
  const x = graph.add('Placeholder', 'x', [], {
    dtype: attr.type('DT_FLOAT'),
    shape: attr.shape([-1, inputs]),
  })
  const first = graph.add('MatMul', 'first', [x, weights('w1', inputs, hidden)], type)
  const biased = graph.add('BiasAdd', 'first_bias', [first, bias('b1', hidden)], type)
  const relu = graph.add('Relu', 'relu', [biased], type)
  const second = graph.add('MatMul', 'second', [relu, weights('w2', hidden, outputs)], type)
  const logits = graph.add('BiasAdd', 'logits', [second, bias('b2', outputs)], type)
  const y = graph.add('Softmax', 'y', [logits], type)
  return writeSavedModel({
    graph: graph.build(),
    signatures: {
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: infoOf(x, inputs) },
        outputs: { y: infoOf(y, outputs) },
      },
    },
  })
}

const infoOf = (node: string, size: number): TensorInfo => ({
  name: `${node}:0`,
  dtype: 'DT_FLOAT',
  shape: [-1, size],
})

/** A number from 0 to 1 each time, the same ones for the same seed (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers of three decimals, as clients send them. */
export function inputsOf(count: number): number[] {
  const next = makeRandom(1)
  return Array.from({ length: count }, () => Math.round(next() * 1_000) / 1_000)
}

/** A server believes files without a manifest when they are so old. */
const QUIET_MS = 2_500

/** Writes a version of each model below a folder, with weights of its own; gives the base paths by name. */
export async function writeNetworks(
  root: string,
  layers: Layers,
  names: readonly string[],
  version = 1,
): Promise<Map<string, string>> {
  const paths = new Map<string, string>()
  for (const [index, name] of names.entries()) {
    const basePath = join(root, name)
    const directory = join(basePath, `${version}`)
    await mkdir(directory, { recursive: true })
    await writeFile(join(directory, 'saved_model.pb'), network(layers, index + version))
    paths.set(name, basePath)
  }
  return paths
}

/** Until what was written last may be loaded at once. */
export const untilQuiet = async (): Promise<void> => await sleep(QUIET_MS)

/** So many names: the number of each follows its prefix. */
export const namesOf = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** A models.config: the latest versions, but for models that are to have one version only. */
export function configOf(
  paths: ReadonlyMap<string, string>,
  versions: ReadonlyMap<string, number> = new Map(),
): string {
  const entries = Array.from(paths, ([name, path]) => {
    const version = versions.get(name)
    const policy =
      version === undefined ? '' : ` model_version_policy { specific { versions: ${version} } }`
    return `  config { name: "${name}" base_path: "${path}" model_platform: "tensorflow"${policy} }`
  })
  return `model_config_list {\n${entries.join('\n')}\n}\n`
}

/** The same as the request of `HandleReloadConfigRequest`. */
export function reloadRequestOf(
  paths: ReadonlyMap<string, string>,
  versions: ReadonlyMap<string, number>,
): Buffer {
  const models = Array.from(paths, ([name, path]) => {
    const policy = field(7, field(102, field(1, varint(versions.get(name) ?? 1))))
    return field(1, textField(1, name), textField(2, path), textField(4, 'tensorflow'), policy)
  })
  return field(1, field(1, ...models))
}
