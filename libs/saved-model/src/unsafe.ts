// Operations by which a model could reach beyond its tensors: files, processes, the network. TensorFlow
// runs whatever a graph says, with the rights of its process, so they are found before it sees one.

import { canonical } from './flatten.ts'
import { misleads, whyForbidden, whyRefused } from './forbidden.ts'
import { CALLS } from './frames.ts'
import { type FunctionDef, type NodeDef, portOf, type SavedModel } from './graph.ts'
import { calledBy, outputsOf } from './state.ts'
import { FROM_FILE } from './tables.ts'

/** What may be done with a checkpoint, where TensorFlow itself does it. */
const SAVES = /^(Save|SaveSlices|SaveV2|MergeV2Checkpoints)$/
const RESTORES = /^(Restore|RestoreSlice|RestoreV2)$/
const PASSES = new Set(['Identity'])
/** What may be done with a variable whose value is to be known. */
const KEEPS = new Set(['AssignVariableOp', 'ReadVariableOp', 'VarIsInitializedOp'])
const decoder = new TextDecoder()

/** A node of the graph, or of a function. */
interface Place {
  within: FunctionDef | undefined
  node: NodeDef
}

/**
 * What a model could do beyond computing, as a sentence; undefined where there is nothing. What is known
 * to do more is refused wherever it stands, what is not known only to compute where it would run. A
 * checkpoint and files of words may be read at a load, at the paths that TensorFlow gives it, and at no
 * others. Operations that are `allowed` by their names, such as `whyRefused` knows, may do what they do.
 */
export function unsafeIn(model: SavedModel, allowed: readonly string[] = []): string | undefined {
  const walker = new Walker(model)
  const stranger = strangeName(model, walker)
  if (stranger !== undefined) return stranger
  const isAllowed = (op: string) => allowed.includes(op) || walker.hasFunction(op)
  const fault = faultAmong(
    walker.all,
    (node) => (allowed.includes(node.op) ? undefined : whyForbidden(node.op)) ?? misleads(node),
  )
  if (fault !== undefined) return fault
  const { restoreOp, initOps, checkpointPath, assets } = model.loading
  const assetPaths = assets.map(({ tensor }) => tensor)
  const served = walker.reachedFrom(outputsOf(model))
  const initial = walker.reachedFrom(initOps)
  const loaded = [...walker.reachedFrom([restoreOp]), ...initial]
  return (
    faultAmong([...served, ...loaded], ({ op }) => (isAllowed(op) ? undefined : whyRefused(op))) ??
    misused([...served, ...loaded], SAVES, 'writes a checkpoint') ??
    misused([...served, ...initial], RESTORES, 'reads a checkpoint') ??
    misused(served, FROM_FILE, 'reads a file at each request') ??
    walker.strayed(loaded, [RESTORES, 0], [checkpointPath], 'no checkpoint of the model') ??
    walker.strayed(loaded, [FROM_FILE, 1], assetPaths, 'no asset of the model')
  )
}

/** An operation of a kind among these. */
const misused = (places: readonly Place[], kind: RegExp, why: string): string | undefined =>
  faultAmong(places, ({ op }) => (kind.test(op) ? why : undefined))

/** The first operation that something is wrong with, and what, as a sentence. */
function faultAmong(
  places: readonly Place[],
  whyNot: (node: NodeDef) => string | undefined,
): string | undefined {
  for (const place of places) {
    const why = whyNot(place.node)
    if (why !== undefined) return sentence(place, why)
  }
  return undefined
}

/**
 * Two handles of one name count as the same variable, whatever containers they say: TensorFlow has more
 * than one name for the container that is meant where there is none.
 */
function sharedName({ name, attrs }: Pick<NodeDef, 'name' | 'attrs'>): string {
  const shared = attrs['shared_name']
  const isShared = shared?.kind === 'string' && shared.value.length > 0
  return isShared ? decoder.decode(shared.value) : name
}

/** TensorFlow's addon takes more for a name than one name, such as several with commas between them. */
const NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*(:\d{1,9})?$/

/** A name that we and TensorFlow may not take for the same node. */
function strangeName({ signatures, uncallable, loading }: SavedModel, walker: Walker) {
  const tensors = Object.values({ ...signatures, ...uncallable }).flatMap((signature) =>
    [...Object.values(signature.inputs), ...Object.values(signature.outputs)].map(
      ({ name }) => name,
    ),
  )
  const strange = tensors.find((name) => name !== '' && !NAME.test(name))
  if (strange !== undefined) return `the signatures name ${JSON.stringify(strange.slice(0, 200))}`
  const run = [loading.restoreOp, ...loading.initOps].filter((name) => name !== '')
  const missing = run.find((name) => !walker.has(name))
  return missing && `what is run at a load is no node of the graph: ${missing.slice(0, 200)}`
}

const sentence = ({ within, node }: Place, why: string): string =>
  `the node ${node.name}${within === undefined ? '' : ` of the function ${within.name}`} is ${node.op}, which ${why}`

function add<T>(to: Map<string, T[]>, key: string, value: T): void {
  const all = to.get(key)
  if (all === undefined) to.set(key, [value])
  else all.push(value)
}

/** The inputs, variables and arguments of functions that were looked at. */
interface Known {
  inputs: Map<NodeDef, Set<number>>
  args: Set<string>
}

class Walker {
  readonly #main: ReadonlyMap<string, NodeDef>
  readonly #functions: ReadonlyMap<string, FunctionDef>
  /** By function, the nodes that call it. */
  readonly #callers = new Map<string, Place[]>()
  /** By what functions implement, all that do. */
  readonly #implementing = new Map<string, string[]>()
  /** Of the graph, the users of a node's outputs by its name; made when it is asked for. */
  #handles: ReadonlyMap<string, Place[]> | undefined
  #users: ReadonlyMap<string, Place[]> | undefined
  /** Every node there is: who calls a function by way of others is not always to be seen. */
  readonly all: readonly Place[]

  constructor({ graph }: SavedModel) {
    this.#main = new Map(graph.nodes.map((node) => [node.name, node]))
    this.#functions = graph.functions ?? new Map()
    this.all = [undefined, ...this.#functions.values()].flatMap((within) =>
      (within ?? graph).nodes.map((node) => ({ within, node })),
    )
    for (const place of this.all)
      for (const name of calledBy(place.node)) {
        add(this.#callers, name, place)
      }
    for (const { name, implements: api } of this.#functions.values())
      if (api !== undefined) add(this.#implementing, api, name)
  }

  /** Whether there is a function of a name: an operation of that name is a call of it. */
  hasFunction(name: string): boolean {
    return this.#functions.has(name)
  }

  /** Whether the graph has a node. */
  has(name: string): boolean {
    return this.#main.has(name)
  }

  /** What runs, or may run, when these nodes of the graph are: of a function all of its body. */
  reachedFrom(names: readonly string[]): Place[] {
    const places: Place[] = []
    const known = new Set(names.filter((name) => name !== '').map((name) => portOf(name).node))
    const entered = new Set<string>()
    const implemented = new Set<string>()
    const enter = (node: NodeDef) => {
      for (const name of calledBy(node)) if (this.#functions.has(name)) entered.add(name)
    }
    // A set that grows while it is walked is walked to its end.
    for (const name of known) {
      const node = this.#main.get(name)
      if (node === undefined) continue
      places.push({ within: undefined, node })
      for (const input of node.inputs) known.add(portOf(input).node)
      enter(node)
    }
    for (const name of entered) {
      const within = this.#functions.get(name)
      for (const other of this.#kinOf(within, implemented)) entered.add(other)
      for (const node of within?.nodes ?? []) {
        places.push({ within, node })
        enter(node)
      }
    }
    return places
  }

  /** Functions that TensorFlow may run without a node that names them, also instead of this one. */
  *#kinOf(within: FunctionDef | undefined, implemented: Set<string>): Generator<string> {
    for (const name of within?.also ?? []) if (this.#functions.has(name)) yield name
    const api = within?.implements
    // Those that implement the same are each other's kin, and found once.
    if (api === undefined || implemented.has(api)) return
    implemented.add(api)
    yield* this.#implementing.get(api) ?? []
  }

  /** An operation of a kind whose path comes from elsewhere than from tensors that are fed at a load. */
  strayed(
    places: readonly Place[],
    [kind, input]: readonly [RegExp, number],
    fed: readonly string[],
    what: string,
  ): string | undefined {
    const allowed = new Set(fed.map(canonical))
    // What was looked at once need not be again: the first that strays ends it.
    const known: Known = { inputs: new Map(), args: new Set() }
    const found = places.find(
      (place) => kind.test(place.node.op) && !this.#comesFrom([place, input], allowed, known),
    )
    return found && sentence(found, `reads ${what}`)
  }

  #comesFrom(from: [Place, number], allowed: ReadonlySet<string>, known: Known): boolean {
    const open = [from]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [place, at] = next
      const seen = known.inputs.get(place.node) ?? new Set()
      if (seen.has(at)) continue
      known.inputs.set(place.node, seen.add(at))
      const before = this.#before(place, at, allowed, known)
      if (before === undefined) return false
      for (const each of before) open.push(each)
    }
    return true
  }

  /** The inputs that an input may come from; none where it is allowed, undefined where it is not. */
  #before(
    { within, node }: Place,
    index: number,
    allowed: ReadonlySet<string>,
    known: Known,
  ): [Place, number][] | undefined {
    const input = node.inputs[index] ?? ''
    if (within !== undefined) {
      const arg = within.inputs.indexOf(input)
      if (arg >= 0) return this.#callersOf(within, arg, known)
      const source = within.nodes.find(({ name }) => name === input.split(':')[0])
      return source && PASSES.has(source.op) ? [[{ within, node: source }, 0]] : undefined
    }
    if (allowed.has(canonical(input))) return []
    const source = this.#main.get(portOf(input).node)
    if (source?.op === 'ReadVariableOp') return this.#assignedTo(source.inputs[0] ?? '', known)
    return source && PASSES.has(source.op) ? [[{ within, node: source }, 0]] : undefined
  }

  /** What a variable of the graph is set to, if nobody else has it in hand. */
  #assignedTo(handle: string, known: Known): [Place, number][] | undefined {
    const variable = this.#main.get(portOf(handle).node)
    if (variable?.op !== 'VarHandleOp') return undefined
    const key = sharedName(variable)
    if (known.args.has(`variable ${key}`)) return []
    known.args.add(`variable ${key}`)
    const handles = this.#handlesOf(key)
    const users = handles.flatMap(({ node }) => this.#usersOf(node.name))
    const isKept =
      handles.every(({ within }) => within === undefined) &&
      users.every(({ node }) => KEEPS.has(node.op))
    if (!isKept) return undefined
    return users.filter(({ node }) => node.op === 'AssignVariableOp').map((place) => [place, 1])
  }

  /** All that make a handle of a variable, in functions too. */
  #handlesOf(key: string): readonly Place[] {
    if (this.#handles === undefined) {
      const handles = new Map<string, Place[]>()
      for (const place of this.all)
        if (place.node.op === 'VarHandleOp') add(handles, sharedName(place.node), place)
      this.#handles = handles
    }
    return this.#handles.get(key) ?? []
  }

  #usersOf(name: string): readonly Place[] {
    if (this.#users === undefined) {
      const users = new Map<string, Place[]>()
      for (const node of this.#main.values())
        for (const used of new Set(node.inputs.filter((input) => !portOf(input).isControl)))
          add(users, portOf(used).node, { within: undefined, node })
      this.#users = users
    }
    return this.#users.get(name) ?? []
  }

  #callersOf(within: FunctionDef, arg: number, known: Known): [Place, number][] | undefined {
    const { name, hasLists, implements: api } = within
    // Which input an argument is, or who calls, is not to be seen then.
    if (hasLists || api !== undefined) return undefined
    const key = `argument ${arg} of ${name}`
    if (known.args.has(key)) return []
    known.args.add(key)
    const callers = this.#callers.get(name) ?? []
    const isPlain = callers.every(({ node: { op, attrs } }) => {
      const called = CALLS.has(op) ? attrs['f'] : undefined
      return op === name || (called?.kind === 'function' && called.value === name)
    })
    return isPlain ? callers.map((place) => [place, arg]) : undefined
  }
}
