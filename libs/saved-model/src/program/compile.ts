import type { SavedModel } from '../graph.ts'
import { SavedModelError } from '../errors.ts'
import { canonical } from '../flatten.ts'
import { inliner } from '../inline.ts'
import { hasKernel, type Needed, neededOf } from '../partition.ts'
import { untranslatable } from '../node-attrs.ts'
import type { Value } from '../values.ts'
import { type DenseChain, denseChains } from './dense.ts'
import { provenDivision } from './division.ts'
import { measured } from './measure.ts'
import { Constants, type DenseLayer, type KernelProgram, ProgramBuilder } from './program.ts'
import { sizedByValues } from './told-ahead.ts'

/** A SavedModel that runs in kernels of ours alone. */
export interface CompiledModel {
  /** Numbered; programs and their dense layers refer to them by it. */
  constants: readonly Value[]
  programs: Readonly<Record<string, KernelProgram>>
}

/**
 * Compiles every signature to a program of kernels. Throws UNTRANSLATABLE, naming the node, when one
 * has a node that no kernel runs, or of which it cannot be told ahead what a request costs: a signature
 * must do the same with each row or element by itself, or tell the shapes of all its inputs.
 */
export function compileModel(model: SavedModel): CompiledModel {
  const inline = inliner(model)
  const constants = new Constants()
  // By any name, also one that objects keep to themselves.
  const programs: [string, KernelProgram][] = []
  for (const [name, declared] of Object.entries(model.signatures)) {
    const flat = inline(declared)
    const { signature } = flat
    const needed = neededOf(flat)
    const sized = sizedByValues(needed)
    if (sized !== undefined)
      throw untranslatable(sized.node, 'it cannot be told ahead how large its output is')
    const chains = denseChains(
      needed,
      Object.values(signature.outputs).map((info) => canonical(info.name)),
    )
    const builder = new ProgramBuilder(needed.constants, constants)
    addSteps(builder, needed, chains)
    const program = builder.build(signature, declared)
    const around = { signature, constants: constants.values }
    const division = measured(program, provenDivision(program, around), around)
    programs.push([name, { ...program, division }])
  }
  return { constants: constants.values, programs: Object.fromEntries(programs) }
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
