// Takes functions apart: each call becomes the nodes of what it calls, so that the graph is flat.

import { choose, portOfChoice, takePorts } from './choices.ts'
import { Effects } from './effects.ts'
import {
  argsOf,
  type At,
  AWAITED_MAX,
  type Awaited,
  byName,
  dataInput,
  type Flat,
  type Frame,
  Frames,
  hasArg,
  type Host,
  nodeIn,
  NODES_MAX,
  type Place,
  STEPS_MAX,
  tooLarge,
} from './frames.ts'
import { type FunctionDef, type GraphDef, type NodeDef, portOf } from './graph.ts'
import { argumentIn, loopIn, outputOfLoop, passedHandle, staysSame, takeLoop } from './loops.ts'
import { labelOf, untranslatable } from './node-attrs.ts'
import { branchesOf, OWN_OPS, type Scope, scopesOf } from './scopes.ts'
import { Switches } from './switches.ts'

/** The name of a tensor, with its port. */
export function canonical(input: string): string {
  const { node, port } = portOf(input)
  return `${node}:${port}`
}

/**
 * Flattens what these tensors need; nothing below one that is fed. Throws UNTRANSLATABLE, naming the
 * node, for functions that call themselves and for nodes that are waited for because they do something.
 */
export function flatten(
  graph: GraphDef,
  wanted: readonly string[],
  fed: ReadonlySet<string> = new Set(),
): Flat {
  const flattener = new Flattener(graph, fed, 'values')
  try {
    const tensors = new Map(wanted.map((name) => [name, flattener.want(name)]))
    const nodes = flattener.walk()
    return { nodes, tensors, checks: flattener.checks, scopes: flattener.scopes }
  } catch (error) {
    // Conditions by which others are decided, and so on, are followed one within the other.
    throw error instanceof RangeError ? tooLarge() : error
  }
}

/** Flattens all that happens when a node is run: also what it only waits for. */
export function flattenRun(graph: GraphDef, node: string): ReadonlyMap<string, NodeDef> {
  const flattener = new Flattener(graph, new Set(), 'effects')
  flattener.run(node)
  return flattener.walk()
}

class Flattener {
  readonly #functions: ReadonlyMap<string, FunctionDef>
  readonly #fed: ReadonlySet<string>
  readonly #root: Frame
  readonly #flat = new Map<string, NodeDef>()
  readonly #open: At[] = []
  readonly #scopes = new Map<string, Scope>()
  readonly #awaited: Awaited[] = []
  readonly #checks = new Set<string>()
  readonly #isForEffects: boolean
  readonly #effects: Effects
  readonly #frames: Frames
  readonly #host: Host
  readonly #switches: Switches | undefined
  #looked = 0
  #steps = 0

  constructor(graph: GraphDef, fed: ReadonlySet<string>, what: 'values' | 'effects') {
    this.#functions = graph.functions ?? new Map<string, FunctionDef>()
    this.#fed = fed
    this.#isForEffects = what === 'effects'
    this.#effects = new Effects(graph)
    this.#frames = new Frames(this.#functions)
    this.#host = {
      frames: this.#frames,
      functions: this.#functions,
      need: (frame, input) => this.#need(frame, input),
      follow: (frame, input) => this.#follow(frame, input),
      put: (node, frame) => void (this.#add(node, frame.scope) || this.#flat.set(node.name, node)),
      await: (frame, node, input) => this.#await(frame, node, input),
      awaitAll: (frame, node, called) => this.#awaitAll(frame, node, called),
    }
    this.#root = {
      prefix: '',
      nodes: byName(graph.nodes),
      calls: new Map(),
      choices: new Map(),
      loops: new Map(),
      awaited: new Set(),
    }
    if (what === 'values' && graph.nodes.some(({ op }) => op === 'Merge'))
      this.#switches = new Switches(this.#root, (input) => fed.has(canonical(input)))
  }

  get checks(): readonly string[] {
    return [...this.#checks]
  }

  get scopes(): ReadonlyMap<string, Scope> {
    return this.#scopes
  }

  /** Adds a tensor; gives its name in the flat graph. */
  want(name: string): string {
    this.#switches?.checkRuns(this.#root, name)
    return this.#need(this.#root, name)
  }

  /** Adds a node of the graph, for what it does. */
  run(name: string): void {
    this.#runNode(this.#root, name)
  }

  /** Follows all that was added to its end. Without recursion: graphs may be deep. */
  walk(): ReadonlyMap<string, NodeDef> {
    while (this.#open.length + this.#awaited.length > 0) {
      const next = this.#open.pop()
      if (next !== undefined) this.#take(next)
      const awaited = this.#awaited.pop()
      if (awaited !== undefined) this.#lookBehind(awaited)
    }
    return this.#flat
  }

  #take({ frame, node, choice, loop, switched }: At): void {
    if (loop !== undefined) takeLoop(this.#host, loop)
    else if (switched !== undefined) this.#switches?.take(this.#host, switched)
    else if (choice !== undefined) takePorts(this.#host, choice, { frame, node })
    else this.#takeNode(frame, node)
  }

  #takeNode(frame: Frame, node: NodeDef): void {
    if (OWN_OPS.has(node.op)) throw untranslatable(node, 'it has no translation')
    const inputs: string[] = []
    // Taken before its inputs are looked at, so that a loop ends.
    if (!this.#add({ ...node, name: frame.prefix + node.name, inputs }, this.#scopeIn(frame, node)))
      return
    for (const input of node.inputs)
      if (portOf(input).isControl) this.#wait(frame, node, input.slice(1))
      else inputs.push(this.#need(frame, input))
  }

  /** Whether the flat graph did not have the node. */
  #add(node: NodeDef, scope: Scope | undefined): boolean {
    if (this.#flat.has(node.name)) return false
    if (this.#flat.size >= NODES_MAX) throw tooLarge()
    this.#flat.set(node.name, node)
    if (scope !== undefined) this.#scopes.set(node.name, scope)
    return true
  }

  #scopeIn(frame: Frame, { name }: NodeDef): Scope | undefined {
    return frame === this.#root ? this.#switches?.scopeOf(name) : frame.scope
  }

  #need(frame: Frame, input: string): string {
    const { key, at } = this.#follow(frame, input)
    if (at !== undefined) this.#open.push(at)
    return key
  }

  /** The node that makes a tensor, through all calls and arguments. */
  #follow(from: Frame, tensor: string): Place {
    let [frame, input] = [from, tensor]
    for (; this.#steps < STEPS_MAX; this.#steps++) {
      if (frame === this.#root && this.#fed.has(canonical(input))) return { key: canonical(input) }
      const given = argumentIn(this.#host, frame, input)
      if (given !== undefined) {
        if ('key' in given) return given
        ;[frame, input] = [given.frame, given.input]
        continue
      }
      const { node, port } = this.#frames.find(frame, input)
      const passed = this.#passed(frame, node, port)
      if (passed !== undefined) {
        input = passed
        continue
      }
      const called = this.#frames.calledBy(node)
      if (called === undefined) return this.#placeOf(frame, node, port)
      const output = called.outputs[port]
      if (output === undefined) throw untranslatable(node, `it has no output ${port}`)
      frame = this.#enter(frame, node, called)
      input = output
    }
    throw tooLarge()
  }

  /** The input that an output is the same as. */
  #passed(frame: Frame, node: NodeDef, port: number): string | undefined {
    if (this.#isForEffects) return undefined
    const data = this.#switches?.passed(frame, node)
    if (data !== undefined) return data
    const loop = loopIn(this.#host, frame, node)
    if (loop !== undefined)
      return staysSame(this.#host, loop, port) ? dataInput(node, port) : undefined
    const handle = passedHandle(node)
    if (handle !== undefined) for (const input of node.inputs) this.#await(frame, node, input)
    return handle
  }

  #placeOf(frame: Frame, node: NodeDef, port: number): Place {
    const loop = frame.loops.get(node.name)
    if (loop !== undefined) return outputOfLoop(loop, port)
    const merged = this.#switches?.placeOf(frame, node, port)
    if (merged !== undefined) return merged
    const branches = this.#branchesOf(node)
    if (branches !== undefined) return portOfChoice(this.#host, { frame, node, branches }, port)
    return { key: `${this.#frames.nameOf(frame, node)}:${port}`, at: { frame, node } }
  }

  /** Loading runs conditions as they are. */
  #branchesOf(node: NodeDef): FunctionDef[] | undefined {
    return this.#isForEffects ? undefined : branchesOf(node, this.#functions)
  }

  /** A call is one frame, however often its outputs are asked for. */
  #enter(caller: Frame, node: NodeDef, called: FunctionDef): Frame {
    const known = caller.calls.get(node.name)
    if (known !== undefined) return known
    const frame = this.#frames.begin({
      prefix: `${caller.prefix}${node.name} / `,
      call: { caller, node, function: called, args: argsOf(called, 0) },
      scope: this.#scopeIn(caller, node),
    })
    caller.calls.set(node.name, frame)
    // A call begins once all its inputs are there, and ends once all its outputs are.
    for (const input of node.inputs) this.#await(caller, node, input)
    this.#awaitAll(frame, node, called)
    return frame
  }

  /** All that a function does, whichever of its outputs somebody takes. */
  #awaitAll(frame: Frame, node: NodeDef, called: FunctionDef): void {
    for (const name of called.effects) this.#wait(frame, node, name)
    if (this.#effects.within(called.name) !== undefined)
      for (const output of called.outputs) this.#await(frame, node, output)
  }

  /** A node that is waited for: it is run too, or looked at for what anybody would miss. */
  #wait(frame: Frame, node: NodeDef, name: string): void {
    if (this.#isForEffects) this.#runNode(frame, name)
    else this.#await(frame, node, `^${name}`)
  }

  /** What makes an argument is waited for where the call is. */
  #await(frame: Frame, by: NodeDef, input: string): void {
    if (this.#isForEffects || !this.#effects.areAny) return
    const isControl = input.startsWith('^')
    const isGiven = frame === this.#root ? this.#fed.has(canonical(input)) : hasArg(frame, input)
    if (isGiven && !isControl) return
    const name = frame === this.#root ? portOf(input).node : input.replace(/^\^|:.*$/g, '')
    if (!frame.awaited.has(name)) this.#awaited.push({ frame, name, by })
  }

  /** Keeps assertions, and follows what a node needs and waits for. Throws for other effects. */
  #lookBehind({ frame, name, by }: Awaited): void {
    if (frame.awaited.has(name)) return
    frame.awaited.add(name)
    if (++this.#looked > AWAITED_MAX) throw tooLarge()
    const node = nodeIn(frame, name)
    if (node.op === 'Assert' && !scopesOf(frame.scope).some(({ isLoop }) => isLoop)) {
      this.#switches?.checkRuns(frame, `^${name}`, node)
      this.#checks.add(frame.prefix + name)
      this.#open.push({ frame, node })
      return
    }
    const effect = this.#effects.of(node)
    const called = effect && this.#frames.calledBy(node)
    const branches = effect && this.#branchesOf(node)
    if (called !== undefined) this.#enter(frame, node, called)
    else if (branches !== undefined) choose(this.#host, { caller: frame, node }, branches)
    else if (effect)
      throw untranslatable(by, `it waits for ${labelOf(effect)}, which has an effect`)
    else for (const input of node.inputs) this.#await(frame, by, input)
  }

  #runNode(frame: Frame, name: string): void {
    const node = nodeIn(frame, name)
    const called = this.#frames.calledBy(node)
    if (called === undefined) this.#open.push({ frame, node })
    else {
      for (const input of node.inputs)
        if (portOf(input).isControl) this.#runNode(frame, input.slice(1))
      this.#enter(frame, node, called)
    }
  }
}
