import { sizeOf } from '@drover/serving-api'
import type { SavedModel } from '../graph.ts'
import { SavedModelError } from '../errors.ts'
import {
  canonical,
  hasKernel,
  isProduct,
  type Needed,
  neededOf,
  type Placed,
} from '../partition.ts'
import { untranslatable } from '../node-attrs.ts'
import type { Value } from '../values.ts'
import { type DenseChain, denseChains } from './dense.ts'
import { Constants, type DenseLayer, type Program, ProgramBuilder } from './program.ts'
import { PLAIN_COST } from './row-parts.ts'
import { rowWiseOf } from './row-wise.ts'
import { sizedByValues } from './told-ahead.ts'

/** What a row costs in any kernel in TypeScript, in multiply-adds: some tens of nanoseconds. */
const STEP_COST = 500

/** A SavedModel that runs in kernels of ours alone. */
export interface CompiledModel {
  /** Numbered; programs and their dense layers refer to them by it. */
  constants: readonly Value[]
  programs: Readonly<Record<string, Program>>
}

/**
 * Compiles every signature to a program of kernels. Throws UNTRANSLATABLE, naming the node, when one
 * has a node that no kernel runs, or of which it cannot be told ahead what it costs.
 */
export function compileModel({ graph, signatures }: SavedModel): CompiledModel {
  const constants = new Constants()
  const programs: Record<string, Program> = {}
  for (const [name, signature] of Object.entries(signatures)) {
    const needed = neededOf(graph, signature)
    const sized = sizedByValues(needed)
    if (sized !== undefined)
      throw untranslatable(sized.node, 'it cannot be told ahead how large its output is')
    const chains = denseChains(
      needed,
      Object.values(signature.outputs).map((info) => canonical(info.name)),
    )
    const builder = new ProgramBuilder(needed.constants, constants)
    addSteps(builder, needed, chains)
    const program = builder.build(signature, costOf(needed, chains))
    const rowWise = rowWiseOf(program, { signature, constants: constants.values })
    programs[name] = { ...program, rowWise }
  }
  return { constants: constants.values, programs }
}

function addSteps(
  builder: ProgramBuilder,
  needed: Needed,
  chains: ReadonlyMap<string, DenseChain>,
): void {
  const inChains = namesIn(chains)
  for (const placed of needed.live) {
    const chain = chains.get(placed.node.name)
    if (chain !== undefined) {
      const layers = chain.layers.map((layer) => layerOf(builder, layer))
      const [{ input }] = chain.layers
      builder.addDense(chain.first, { layers, input, output: `${placed.node.name}:0` })
    } else if (!inChains.has(placed.node.name)) {
      if (!hasKernel(placed.node)) throw untranslatable(placed.node, 'it has no kernel')
      builder.addNode(placed)
    }
  }
}

function namesIn(chains: ReadonlyMap<string, DenseChain>): Set<string> {
  return new Set([...chains.values()].flatMap(({ nodes }) => nodes.map(({ node }) => node.name)))
}

function layerOf(
  builder: ProgramBuilder,
  { weights, bias, isTransposed, inputs, outputs, activation }: DenseChain['layers'][0],
): DenseLayer {
  const number = builder.constantOf(weights)
  if (number === undefined)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `the weights ${weights} are not constant`)
  return {
    weights: number,
    isTransposed,
    inputs,
    outputs,
    bias: bias === undefined ? undefined : builder.constantOf(bias),
    activation,
  }
}

function costOf(needed: Needed, chains: ReadonlyMap<string, DenseChain>): number {
  const inChains = namesIn(chains)
  const dense = [...chains.values()]
    .flatMap(({ layers }) => layers)
    .reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0)
  return needed.live
    .filter(({ node }) => !inChains.has(node.name))
    .reduce((sum, placed) => sum + STEP_COST + PLAIN_COST * plainCost(placed, needed), dense)
}

/** A row meets every element of a constant at most once, but for tables of which it takes a few rows. */
function plainCost({ node, inputs }: Placed, { constants }: Needed): number {
  if (node.op === 'GatherV2') return 0
  const known = inputs.flatMap((key) => constants.get(key) ?? [])
  if (isProduct(node.op) && known.length === 0)
    throw untranslatable(node, 'it cannot be told ahead how much it calculates')
  return known.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
}
