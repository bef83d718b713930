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
  return (key) => {
    const { node, port } = portOf(key)
    const given = fed.has(key) ? fed.get(key) : outputShape(known.nodes.get(node), port)
    const shape = known.constants.get(key)?.shape ?? given
    return shape?.map((size) => (size < 0 ? undefined : size))
  }
}

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
