// Casts from and to types that are carried, on the carriers.

import type { TypeName } from '@drover/serving-api'
import type { NodeDef } from '../graph.ts'
import { boolOf, typeIn } from '../node-attrs.ts'
import { Steps } from './steps.ts'
import { type CarriedType, carrierOf, isCarriedType, isComplexType } from './types.ts'

/** How a node is written on carriers. */
interface Writing {
  withCarriers: (node: NodeDef) => NodeDef
  narrowing: (wide: NodeDef, type: CarriedType) => NodeDef[]
}

const FLOATS: ReadonlySet<TypeName> = new Set(['DT_FLOAT', 'DT_DOUBLE'])
/** What is out of the range of int64, where uint64 goes on. */
const HALF_RANGE = 2 ** 63

/**
 * Casts go by way of the carriers, as TensorFlow's go by way of floats and of the processor's integers:
 * a fraction that no integer of the type comes to has the lower bits of the int32 or int64 it becomes,
 * which C++ leaves open. Undefined where the carriers have another answer.
 */
export function loweredCast(
  node: NodeDef,
  { withCarriers, narrowing }: Writing,
): readonly NodeDef[] | undefined {
  const [from, to] = [typeIn(node, 'SrcT'), typeIn(node, 'DstT')]
  if (from === undefined || to === undefined || boolOf(node, 'Truncate', false)) return undefined
  if (isComplexType(from) || isComplexType(to)) return undefined
  const isFromFloats = FLOATS.has(carrierOf(from))
  const isToFloats = FLOATS.has(carrierOf(to))
  // Its bits are those of a negative int64.
  if (from === 'DT_UINT64' && isToFloats) return undefined
  const wide = withCarriers(node)
  if (to === 'DT_UINT64' && isFromFloats) return fromFloats(wide)
  return isCarriedType(to) ? narrowing(wide, to) : [wide]
}

/** Floats from 2^63 on as the int64 that is 2^64 less, which is exact. */
function fromFloats(wide: NodeDef): readonly NodeDef[] {
  const [input = ''] = wide.inputs
  const type = typeIn(wide, 'SrcT')
  if (type !== 'DT_FLOAT' && type !== 'DT_DOUBLE') return [wide]
  const steps = new Steps(wide, type)
  const isOver = steps.op('GreaterEqual', [input, steps.number(HALF_RANGE)])
  const turned = steps.op('Sub', [input, steps.number(2 * HALF_RANGE)])
  const within = steps.op('SelectV2', [isOver, turned, input])
  return [...steps.nodes, { ...wide, inputs: [within] }]
}
