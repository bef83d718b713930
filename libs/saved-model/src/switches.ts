// Conditions of TensorFlow 1. Switch sends a tensor into one of two branches; what follows in the other one, or
// waits for anything there, does not run. Merge takes the tensor of the branch that ran. In a flat graph such
// branches are scopes, as those of other conditions are.

import { dataInput, type Frame, type Host, nodeIn, type Place } from './frames.ts'
import { attr, type NodeDef, portOf } from './graph.ts'
import { typeOf, untranslatable } from './node-attrs.ts'
import {
  BRANCH_INDEX,
  BRANCH_OUTPUT,
  branchScope,
  PORTS_MAX,
  type Scope,
  scopesOf,
} from './scopes.ts'

const SWITCHES: ReadonlySet<string> = new Set(['Switch', 'RefSwitch'])
const MERGE = 'Merge'
/** Other conditions, and loops. */
const PARTS = /^(Stateless)?(If|Case|While)$/
/** Each is looked at by all that tell what runs in which, and is a graph of its own for ONNX. */
const CHOICES_MAX = 256
/** True comes first, as in other conditions. */
const TRUE = 0
const FALSE = 1

/** All that one truth decides in one branch of another, or outside of all. */
export interface Switched {
  name: string
  /** The truth, as the graph names it. */
  truth: string
  scopes: readonly [Scope, Scope]
  /** By their names, in the order of the outputs; those that have been taken have `inputs`. */
  merges: NodeDef[]
  inputs: [string[], string[]]
}

/** The branches of a graph of TensorFlow 1. */
export class Switches {
  readonly #root: Frame
  readonly #isFed: (input: string) => boolean
  readonly #scopes = new Map<string, Scope | undefined>()
  readonly #open = new Set<string>()
  readonly #choices = new Map<string, Switched>()
  /** By the tensor that numbers the branch. */
  readonly #byIndex = new Map<string, Switched>()

  constructor(root: Frame, isFed: (input: string) => boolean) {
    this.#root = root
    this.#isFed = isFed
  }

  /** Throws UNTRANSLATABLE for what stands in a branch, be it in a function that is called there. */
  checkRuns(frame: Frame, input: string, node = nodeIn(frame, portOf(input).node)): void {
    const scope = frame === this.#root ? this.scopeAt(input) : frame.scope
    if (scopesOf(scope).some(({ choice }) => this.#byIndex.has(choice)))
      throw untranslatable(node, 'it may not run')
  }

  /** The tensor that an output of a Switch is the same as, where it is there at all. */
  passed(frame: Frame, node: NodeDef): string | undefined {
    if (frame !== this.#root) return undefined
    if (PARTS.test(node.op)) this.checkRuns(frame, `^${node.name}`)
    return SWITCHES.has(node.op) ? dataInput(node, 0) : undefined
  }

  /** The branch that a node stands in. Throws UNTRANSLATABLE where that is not one. */
  scopeOf(name: string): Scope | undefined {
    // Without recursion: graphs may be deep.
    const stack = [name]
    for (let at = stack.at(-1); at !== undefined; at = stack.at(-1)) {
      const node = nodeIn(this.#root, at)
      const missing = this.#sources(node).filter((source) => !this.#scopes.has(source))
      if (this.#scopes.has(at) || missing.length === 0) {
        if (!this.#scopes.has(at)) this.#scopes.set(at, this.#scopeBy(node))
        stack.pop()
      } else {
        if (missing.some((source) => this.#open.has(source)))
          throw untranslatable(node, 'it is part of a loop')
        this.#open.add(at)
        stack.push(...missing)
      }
    }
    return this.#scopes.get(name)
  }

  /** The branch in which a tensor is, be it made outside. */
  scopeAt(input: string): Scope | undefined {
    if (this.#isFed(input)) return undefined
    const { node: name, port, isControl } = portOf(input)
    const scope = this.scopeOf(name)
    const node = nodeIn(this.#root, name)
    if (!SWITCHES.has(node.op) || isControl) return scope
    return this.#choiceOf(node, scope).scopes[port === 0 ? FALSE : TRUE]
  }

  /** The place of what a Merge gives; undefined for other nodes. */
  placeOf(frame: Frame, node: NodeDef, port: number): Place | undefined {
    if (node.op !== MERGE || frame !== this.#root) return undefined
    if (port !== 0) throw untranslatable(node, 'somebody takes the number of its branch')
    const { choice } = this.#mergedBy(node)
    const known = choice.merges.findIndex(({ name }) => name === node.name)
    const at = known < 0 ? choice.merges.push(node) - 1 : known
    if (at >= PORTS_MAX) throw untranslatable(node, `it is one of over ${PORTS_MAX}`)
    return { key: `${choice.name}:${at}`, at: { frame, node, switched: choice } }
  }

  /** Asks both branches for what has not been asked for. */
  take(host: Host, { name, truth, scopes, merges, inputs }: Switched): void {
    const outside: Frame = { ...this.#root, scope: scopes[TRUE].within }
    const index = scopes[TRUE].choice
    for (const node of merges.slice(inputs[TRUE].length))
      for (const [branch, input] of this.#mergedBy(node).taken.entries())
        inputs[branch]?.push(host.need(this.#root, input))
    const [number, not] = [`${name} / number`, `${name} / not`]
    const nodes: NodeDef[] = [
      { name: not, op: 'LogicalNot', inputs: [host.need(this.#root, truth)], attrs: {} },
      {
        name: number,
        op: 'Cast',
        inputs: [`${not}:0`],
        attrs: { SrcT: attr.type('DT_BOOL'), DstT: attr.type('DT_INT32') },
      },
      {
        name: portOf(index).node,
        op: BRANCH_INDEX,
        inputs: [`${number}:0`],
        attrs: { count: attr.int(2), isTruth: attr.bool(false) },
      },
      {
        name,
        op: BRANCH_OUTPUT,
        inputs: [index, ...inputs.flat()],
        attrs: { T: attr.types(merges.map((node) => typeOf(node, 'T'))) },
      },
    ]
    for (const node of nodes) host.put(node, outside)
  }

  #sources({ inputs }: NodeDef): string[] {
    return inputs.filter((input) => !this.#isFed(input)).map((input) => portOf(input).node)
  }

  /** The innermost branch of all that a node needs and waits for. */
  #scopeBy(node: NodeDef): Scope | undefined {
    const isMerge = node.op === MERGE
    let found = isMerge ? this.#mergedBy(node).choice.scopes[TRUE].within : undefined
    for (const input of node.inputs) {
      if (isMerge && !portOf(input).isControl) continue
      const scope = this.scopeAt(input)
      if (isWithin(scope, found)) found = scope
      else if (!isWithin(found, scope))
        throw untranslatable(node, 'it takes what two conditions decide about')
    }
    return found
  }

  /** What decides. `tf.cond` begins its branches by one name of it, and sends all tensors there by another. */
  #truthOf(node: NodeDef): string {
    const [data, truth] = [dataInput(node, 0), dataInput(node, 1)]
    const other = this.#root.nodes.get(node.name.replace(/[^/]*$/, 'pred_id'))
    const isOther = other?.op === 'Identity' && other.inputs[0] === truth && data === truth
    return isOther ? other.name : truth
  }

  #choiceOf(node: NodeDef, within: Scope | undefined): Switched {
    const truth = this.#truthOf(node)
    const key = JSON.stringify([truth.replace(/:0$/, ''), within?.choice, within?.branch])
    const known = this.#choices.get(key)
    if (known !== undefined) return known
    const count = this.#choices.size
    if (count >= CHOICES_MAX) throw untranslatable(node, `there are over ${CHOICES_MAX} conditions`)
    const name = `condition ${count}`
    const index = `${name} / branch:0`
    const scopeOf = (branch: number) => branchScope(node, { choice: index, branch, within })
    const scopes = [scopeOf(TRUE), scopeOf(FALSE)] as const
    const choice: Switched = { name, truth, scopes, merges: [], inputs: [[], []] }
    this.#choices.set(key, choice)
    this.#byIndex.set(index, choice)
    return choice
  }

  /** The condition of a Merge, and what it takes where it is true and where not. */
  #mergedBy(node: NodeDef): { choice: Switched; taken: readonly [string, string] } {
    const [first, second, ...more] = node.inputs.filter((input) => !portOf(input).isControl)
    const [one, other] = [first, second].map((input) =>
      input === undefined ? undefined : this.scopeAt(input),
    )
    const choice = one && this.#byIndex.get(one.choice)
    if (
      !first ||
      !second ||
      !choice ||
      one.choice !== other?.choice ||
      one === other ||
      more.length > 0
    )
      throw untranslatable(node, 'it does not take what both branches of one condition make')
    return { choice, taken: one.branch === TRUE ? [first, second] : [second, first] }
  }
}

/** Whether a branch is another one, or stands in it. */
function isWithin(scope: Scope | undefined, other: Scope | undefined): boolean {
  if (other === undefined) return true
  for (let at = scope; at !== undefined; at = at.within) if (at === other) return true
  return false
}
