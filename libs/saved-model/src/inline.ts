// A signature as it is translated: on a flat graph of its own, without calls and without variables.

import type { SignatureDef, TensorInfo } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { canonical, flatten } from './flatten.ts'
import type { NodeDef, SavedModel } from './graph.ts'
import { bindVariables, Variables } from './variables.ts'

/** A signature with the names of the flat graph for its outputs. */
export interface FlatSignature {
  signature: SignatureDef
  nodes: ReadonlyMap<string, NodeDef>
}

/** A model may be looked at by several who translate; its variables are read once. */
const known = new WeakMap<SavedModel, Variables>()

function variablesOf(model: SavedModel): Variables {
  const variables = known.get(model) ?? new Variables(model)
  known.set(model, variables)
  return variables
}

/** Makes a model's signatures flat, one by one. Throws UNTRANSLATABLE, naming the node that is in the way. */
export function inliner(model: SavedModel): (signature: SignatureDef) => FlatSignature {
  const variables = variablesOf(model)
  return (signature) => {
    const wanted = Object.values(signature.outputs).map(({ name }) => named(name))
    const fed = new Set(Object.values(signature.inputs).map(({ name }) => named(name)))
    const { nodes, tensors } = flatten(model.graph, wanted, fed)
    const renamed = Object.entries(signature.outputs).map(([alias, info]): [string, TensorInfo] => [
      alias,
      { ...info, name: tensors.get(canonical(info.name)) ?? info.name },
    ])
    return {
      signature: { ...signature, outputs: Object.fromEntries(renamed) },
      nodes: bindVariables(nodes, variables),
    }
  }
}

function named(name: string): string {
  if (name === '') throw new SavedModelError('UNTRANSLATABLE', 'the signature has no dense tensor')
  return canonical(name)
}
