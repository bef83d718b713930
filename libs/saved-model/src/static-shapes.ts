// What a graph says of the shapes of its tensors. It binds nobody, as signatures do not: a translation may
// rely on it where another shape would fail anyway.

import type { SignatureDef } from '@drover/serving-api'
import { canonical } from './flatten.ts'
import { type NodeDef, portOf } from './graph.ts'
import type { Value } from './values.ts'
import { readShape } from './tensor-proto.ts'
import { readFields } from './wire.ts'

/** The sizes of a tensor's dimensions, each as far as it is known; undefined where the rank is not. */
export type StaticShape = readonly (number | undefined)[] | undefined

/** The shape of each tensor by its canonical name. */
export function staticShapes(
  signature: SignatureDef,
  known: { constants: ReadonlyMap<string, Value>; nodes: ReadonlyMap<string, NodeDef> },
): (key: string) => StaticShape {
  const fed = new Map(
    Object.values(signature.inputs).map(({ name, shape }) => [canonical(name), shape] as const),
  )
  const shapeOf = (key: string): StaticShape => {
    const { node, port } = portOf(key)
    const maker = known.nodes.get(node)
    const given = fed.has(key) ? fed.get(key) : outputShape(maker, port)
    const shape = known.constants.get(key)?.shape ?? given
    if (shape !== undefined) return shape.map((size) => (size < 0 ? undefined : size))
    return maker && port === 0 && !fed.has(key) ? shapeAfter(maker, shapeOf) : undefined
  }
  return shapeOf
}

/** What does something to each number of its first input, and leaves its shape as it is. */
const KEEPING: ReadonlySet<string> = new Set(
  [
    'BiasAdd Elu FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Identity LeakyRelu LRN Relu Relu6',
    'Selu Sigmoid Softplus Softsign Tanh',
  ].flatMap((ops) => ops.split(' ')),
)
const CHANNELS = 3

/** The channels of images in graphs of before there were functions, whose nodes do not say their shapes. */
function shapeAfter(
  { op, inputs, attrs }: NodeDef,
  shapeOf: (key: string) => StaticShape,
): StaticShape {
  const [image, filter] = inputs.slice(0, 2).map((input) => shapeOf(canonical(input)))
  if (KEEPING.has(op)) return image
  const format = attrs['data_format']
  const isLast = format === undefined || (format.kind === 'string' && isNhwc(format.value))
  if (!isLast) return undefined
  if (op === 'Conv2D') return [undefined, undefined, undefined, filter?.[CHANNELS]]
  if (op === 'MaxPool' || op === 'AvgPool')
    return [undefined, undefined, undefined, image?.[CHANNELS]]
  return undefined
}

const isNhwc = (format: Uint8Array): boolean => Buffer.from(format).toString() === 'NHWC'

/** Which TensorFlow writes beside the nodes of functions. */
function outputShape(node: NodeDef | undefined, port: number): readonly number[] | undefined {
  const attr = node?.attrs['_output_shapes']
  if (attr?.kind !== 'other') return undefined
  for (const list of readFields(attr.value)) {
    if (list.number !== 1) continue
    const shapes = [...readFields(list.bytes)].filter(({ number }) => number === 7)
    const shape = shapes[port]
    return shape && readShape(shape.bytes)
  }
  return undefined
}
