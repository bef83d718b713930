import { carriedSignature, onCarriers } from './carried/index.ts'
import { SavedModelError } from './errors.ts'
import { flatten } from './flatten.ts'
import type { SavedModel } from './graph.ts'
import { kernelOf } from './kernels/index.ts'
import { untranslatable } from './node-attrs.ts'
import { onnxOpOf } from './onnx/index.ts'
import { fedOf } from './partition.ts'
import { isBoundTable } from './tables.ts'
import { isBoundVariable } from './variables.ts'

/** Calls, conditions and loops, with the lists that these write: gone when functions are taken apart. */
const TAKEN_APART =
  /^((Stateful)?PartitionedCall|(Stateless)?(If|Case|While)|Switch|Merge|TensorList(Reserve|SetItem))$/

const isTranslated = (op: string): boolean =>
  op === 'Const' || isBoundTable(op) || kernelOf(op) !== undefined || onnxOpOf(op) !== undefined

/** Whether an operation in a graph or a function can be run without TensorFlow, in some of its forms at least. */
export const isSupported = (op: string): boolean =>
  isTranslated(op) || isBoundVariable(op) || TAKEN_APART.test(op)

/**
 * Why only TensorFlow can run a model, as far as its graph alone says it: nothing is read of variables
 * and assets. Undefined where they have to be known to tell.
 */
export function untranslatedIn(model: SavedModel): SavedModelError | undefined {
  try {
    for (const signature of Object.values(model.signatures)) {
      const { inputs, outputs } = carriedSignature(signature)
      const [fed, wanted] = [inputs, outputs].map((infos) =>
        Object.values(infos).map((info) => fedOf(info)[0]),
      )
      const { nodes, scopes } = onCarriers(flatten(model.graph, wanted ?? [], new Set(fed)))
      // Of a branch it is not known yet whether it can be taken at all.
      const other = [...nodes.values()].find(
        ({ name, op }) => !scopes.has(name) && !isTranslated(op) && !isBoundVariable(op),
      )
      if (other !== undefined) return untranslatable(other, 'it has no translation')
    }
    return undefined
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'UNTRANSLATABLE') return error
    throw error
  }
}
