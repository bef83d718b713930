// Files of words, as tables are filled from them: a line for each key, with columns.

import type { Tensor } from '@drover/serving-api'
import type { NodeDef, SavedModel } from './graph.ts'
import { intOf, longOf, textOf, untranslatable } from './node-attrs.ts'
import type { TableContent } from './mutable-tables.ts'
import { resourceOf, sourceOf } from './restored.ts'

/** What an index of a column stands for that is none. */
const WHOLE_LINE = -2
const LINE_NUMBER = -1
const INTEGER = /^-?\d{1,18}$/
const DECIMAL = /^-?\d+(\.\d+)?$/

type Nodes = ReadonlyMap<string, NodeDef>
/** Of one column; undefined where a line does not have it. */
type Texts = readonly (string | undefined)[]

/** Reads the asset that fills a table. Throws UNTRANSLATABLE for what TensorFlow may read otherwise. */
export function readTableFile(
  model: SavedModel,
  handle: NodeDef,
  { node, nodes }: { node: NodeDef; nodes: Nodes },
): TableContent {
  const lines = linesOf(assetOf(model, node, nodes))
  const size = intOf(node, 'vocab_size', -1)
  if (size >= 0 && lines.length < size)
    throw untranslatable(node, `the file has ${lines.length} of ${size} lines`)
  const wanted = size < 0 ? lines : lines.slice(0, size)
  if (wanted.includes('')) throw untranslatable(node, 'its file has an empty line')
  const delimiter = textOf(node, 'delimiter', '\t')
  // Keras' lookups leave the first numbers to what is masked and what is not in the vocabulary.
  const firstNumber = longOf(node, 'offset', 0n)
  const columnOf = (name: string, type: string) => {
    const index = intOf(node, name)
    return tensorOf(node, handle.attrs[type], {
      firstNumber: index === LINE_NUMBER ? firstNumber : undefined,
      texts: wanted.map((line) => (index === WHOLE_LINE ? line : line.split(delimiter)[index])),
    })
  }
  return {
    keys: columnOf('key_index', 'key_dtype'),
    values: columnOf('value_index', 'value_dtype'),
  }
}

/** Without carriage returns, wherever they stand, as TensorFlow reads lines. */
function linesOf(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString('latin1').replaceAll('\r', '')
  const lines = text.split('\n')
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines
}

/** The bytes of the asset whose path a node is given, be it by way of a variable. */
function assetOf({ loading, assets }: SavedModel, node: NodeDef, nodes: Nodes): Uint8Array {
  const given = sourceOf(nodes, node.inputs[1])?.node
  const source = given?.op === 'ReadVariableOp' ? assignedTo(given, nodes) : given
  const file = loading.assets.find(({ tensor }) => tensor.split(':')[0] === source?.name)?.file
  const bytes = file === undefined ? undefined : assets?.get(file)
  if (bytes === undefined) throw untranslatable(node, 'its file was not read')
  return bytes
}

/** What the variable that is read is set to; undefined where that is not one thing. */
function assignedTo(read: NodeDef, nodes: Nodes): NodeDef | undefined {
  const idOf = (input: string | undefined) => {
    const handle = sourceOf(nodes, input)?.node
    return handle && resourceOf(handle)
  }
  const id = idOf(read.inputs[0])
  const [only, another] = [...nodes.values()].filter(
    ({ op, inputs }) => op === 'AssignVariableOp' && idOf(inputs[0]) === id,
  )
  return another === undefined ? sourceOf(nodes, only?.inputs[1])?.node : undefined
}

function tensorOf(
  node: NodeDef,
  type: NodeDef['attrs'][string] | undefined,
  { firstNumber, texts }: { firstNumber: bigint | undefined; texts: Texts },
): Tensor {
  const dtype = type?.kind === 'type' ? type.value : undefined
  const shape = [texts.length]
  if (firstNumber !== undefined) {
    if (dtype !== 'DT_INT64') throw untranslatable(node, `it numbers lines as ${dtype}`)
    const numbers = texts.map((_, line) => firstNumber + BigInt(line))
    return { dtype, shape, values: BigInt64Array.from(numbers) }
  }
  const whole = texts.flatMap((text) => text ?? [])
  if (whole.length < texts.length) throw untranslatable(node, 'a line has too few columns')
  if (dtype === 'DT_STRING')
    return { dtype, shape, values: whole.map((text) => Buffer.from(text, 'latin1')) }
  if (dtype === 'DT_INT64' && whole.every((text) => INTEGER.test(text)))
    return { dtype, shape, values: BigInt64Array.from(whole, BigInt) }
  if (dtype === 'DT_FLOAT' && whole.every((text) => DECIMAL.test(text)))
    return { dtype, shape, values: Float32Array.from(whole, Number) }
  throw untranslatable(node, `its columns are no ${dtype}`)
}
