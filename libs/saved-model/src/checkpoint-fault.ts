// Whether TensorFlow can restore the variables of a model, told without it.

import type { TypeName } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { flattenRun } from './flatten.ts'
import type { NodeDef, SavedModel } from './graph.ts'
import { type Nodes, textAt } from './restored.ts'

type Checkpoint = NonNullable<SavedModel['checkpoint']>

/**
 * Why it cannot; undefined where it can, and where that is not known: a checkpoint that was not read, names and
 * types that only a run would tell.
 */
export function checkpointFault(model: SavedModel): SavedModelError | undefined {
  const { checkpoint, graph, loading } = model
  if (checkpoint === undefined || loading.restoreOp === '') return undefined
  try {
    const nodes = flattenRun(graph, loading.restoreOp)
    const types = new Map<string, TypeName>()
    for (const node of nodes.values())
      for (const { key, wanted } of askedBy(nodes, node)) {
        const there = types.get(key) ?? typeOf(checkpoint, key, wanted)
        types.set(key, there)
        if (there !== wanted)
          return new SavedModelError(
            'NOT_A_SAVED_MODEL',
            `the checkpoint has ${key} as ${there}, and ${node.name} asks for ${wanted}`,
          )
      }
    return undefined
  } catch (error) {
    if (!(error instanceof SavedModelError)) throw error
    return error.code === 'NOT_A_SAVED_MODEL' ? error : undefined
  }
}

function* askedBy(nodes: Nodes, node: NodeDef): Generator<{ key: string; wanted: TypeName }> {
  const { dtypes } = node.attrs
  if (node.op !== 'RestoreV2' || dtypes?.kind !== 'types') return
  for (const [at, wanted] of dtypes.value.entries()) {
    const key = textAt(nodes, node.inputs[1], at)
    if (key !== undefined) yield { key, wanted }
  }
}

/** Reads it, since what is damaged is seen by its checksum only. What is not carried may be what is wanted. */
function typeOf(checkpoint: Checkpoint, key: string, wanted: TypeName): TypeName {
  try {
    return checkpoint.tensor(key).dtype
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'UNTRANSLATABLE') return wanted
    throw error
  }
}
