// What a graph is flattened by: a frame is the graph itself, or one call of a function.

import { SavedModelError } from './errors.ts'
import { untranslatable } from './node-attrs.ts'
import { type FunctionDef, type NodeDef, portOf } from './graph.ts'
import type { Loop } from './loops.ts'
import { portOfOutput } from './ports.ts'
import type { Scope } from './scopes.ts'
import type { Switched } from './switches.ts'

/** More nodes than this a few bytes of functions that call each other must not become. */
export const NODES_MAX = 200_000
/** Nor more calls, each of which takes a kilobyte or two while a graph is taken apart. */
const FRAMES_MAX = 50_000
/** So many nodes are looked at for what they do beside their outputs. */
export const AWAITED_MAX = 10 * NODES_MAX
/** Calls in calls. */
const DEPTH_MAX = 256
/**
 * Branches of conditions and bodies of loops: each is looked at by all that tell what runs in which, and is a
 * graph of its own for ONNX. Conditions in both branches of conditions would be thousands.
 */
const SCOPED_MAX = 512
/** Characters of all names, each of which is its callers' and its own. */
const CHARS_MAX = 2 ** 26
/** Calls and nodes that all tensors together are followed through. */
export const STEPS_MAX = 5_000_000

/** The part of a graph that some tensors need, without calls. */
export interface Flat {
  nodes: ReadonlyMap<string, NodeDef>
  /** The tensors of this graph that stand for those which were wanted, always `node:port`. */
  tensors: ReadonlyMap<string, string>
  /** The assertions that must hold for the tensors to be had, though nobody takes anything of them. */
  checks: readonly string[]
  /** Of nodes that stand in a branch: in which. */
  scopes: ReadonlyMap<string, Scope>
}

/** What a frame was entered by. */
export interface Call {
  caller: Frame
  node: NodeDef
  function: FunctionDef
  /** Which input of the node is which argument. */
  args: ReadonlyMap<string, number>
}

/** The graph itself, or one call of a function. */
export interface Frame {
  /** What its nodes' names begin with. */
  prefix: string
  nodes: ReadonlyMap<string, NodeDef>
  call?: Call
  calls: Map<string, Frame>
  choices: Map<string, Choice>
  loops: Map<string, Loop>
  /** Whether it is a round of a loop, or the condition after one. */
  loop?: { loop: Loop; part: 'body' | 'next' }
  scope?: Scope | undefined
  /** Its nodes that somebody waits for. */
  awaited: Set<string>
}

/** A node that somebody waits for, by its name. */
export interface Awaited {
  frame: Frame
  name: string
  by: NodeDef
}

/** A condition, with a frame for each of its branches. */
export interface Choice {
  index: string
  frames: readonly { frame: Frame; function: FunctionDef }[]
  /** The ports that somebody takes; the condition has those alone in the flat graph. */
  ports: number[]
  /** What each branch gives for them. */
  outputs: string[][]
}

/** A node in its frame, and a port of it where it is a condition. */
export interface At {
  frame: Frame
  node: NodeDef
  choice?: Choice
  loop?: Loop
  switched?: Switched
}

/** Where a tensor is made; nowhere where it is fed. */
export interface Place {
  key: string
  at?: At
}

/** Operations that do nothing but call a function. */
export const CALLS: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall'])

/** What those who take conditions and loops apart need of whoever flattens. */
export interface Host {
  readonly frames: Frames
  readonly functions: ReadonlyMap<string, FunctionDef>
  need(frame: Frame, input: string): string
  follow(frame: Frame, input: string): Place
  /** Adds a node to the flat graph, or another one in its place. */
  put(node: NodeDef, frame: Frame): void
  /** Waits for an input of a node, or for all that a function does. */
  await(frame: Frame, by: NodeDef, input: string): void
  awaitAll(frame: Frame, node: NodeDef, called: FunctionDef): void
}

/** Makes frames, of which there may be so many. */
export class Frames {
  readonly #functions: ReadonlyMap<string, FunctionDef>
  readonly #bodies = new Map<FunctionDef, ReadonlyMap<string, NodeDef>>()
  #count = 0
  #scoped = 0
  #chars = 0

  constructor(functions: ReadonlyMap<string, FunctionDef>) {
    this.#functions = functions
  }

  /** The function that a node calls, if it does nothing else. */
  calledBy({ op, attrs }: NodeDef): FunctionDef | undefined {
    if (CALLS.has(op) && attrs['f']?.kind === 'function')
      return this.#functions.get(attrs['f'].value)
    return this.#functions.get(op)
  }

  /** The node that a tensor of a frame is of, and its port. */
  find(frame: Frame, input: string): { node: NodeDef; port: number } {
    if (frame.call === undefined) {
      const { node: name, port } = portOf(input)
      return { node: nodeIn(frame, name), port }
    }
    const [name = '', output, index] = input.split(':')
    const node = nodeIn(frame, name)
    if (output === undefined || !/^\d+$/.test(index ?? ''))
      throw new SavedModelError('NOT_A_SAVED_MODEL', `a function names the tensor ${input}`)
    const first = this.calledBy(node) === undefined ? portOfOutput(node, output) : 0
    return { node, port: first + Number(index) }
  }

  /** Throws UNTRANSLATABLE for a function within itself. */
  begin({ prefix, call, scope }: Pick<Frame, 'prefix' | 'scope'> & { call: Call }): Frame {
    const { caller, node, function: called } = call
    let depth = 0
    for (let outer = caller.call; outer !== undefined; outer = outer.caller.call, depth++)
      if (outer.function === called) throw untranslatable(node, `${called.name} calls itself`)
    if (++this.#count > FRAMES_MAX || depth >= DEPTH_MAX) throw tooLarge()
    if (scope !== caller.scope && ++this.#scoped > SCOPED_MAX)
      throw untranslatable(node, `there are over ${SCOPED_MAX} branches and loops`)
    const nodes = this.#bodyOf(called)
    return {
      prefix,
      nodes,
      call,
      scope,
      calls: new Map(),
      choices: new Map(),
      loops: new Map(),
      awaited: new Set(),
    }
  }

  /** The name of a node in the flat graph. */
  nameOf({ prefix }: Frame, { name }: NodeDef): string {
    this.#chars += prefix.length + name.length
    if (this.#chars > CHARS_MAX) throw tooLarge()
    return prefix + name
  }

  #bodyOf(called: FunctionDef): ReadonlyMap<string, NodeDef> {
    const body = this.#bodies.get(called) ?? byName(called.nodes)
    this.#bodies.set(called, body)
    return body
  }
}

/** Nodes by their names. */
export const byName = (nodes: readonly NodeDef[]): Map<string, NodeDef> =>
  new Map(nodes.map((node) => [node.name, node]))

/** Arguments by name; a condition has an input before them. */
export const argsOf = ({ inputs }: FunctionDef, first: number): Map<string, number> =>
  new Map(inputs.map((name, index) => [name, first + index]))

/** Whether a tensor of a frame comes from where it was entered. */
export const hasArg = ({ call }: Frame, input: string): boolean => call?.args.has(input) === true

/** A node of a frame, which must be there. */
export function nodeIn({ nodes }: Frame, name: string): NodeDef {
  const node = nodes.get(name)
  if (node === undefined)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `the graph has no node ${name}`)
  return node
}

/** Control inputs come after all others. */
export function dataInput(node: NodeDef, index: number): string {
  const input = node.inputs[index]
  if (input === undefined || portOf(input).isControl)
    throw new SavedModelError('NOT_A_SAVED_MODEL', `${node.name} gives no argument ${index}`)
  return input
}

/** The refusal of graphs that grow without end. */
export const tooLarge = (): SavedModelError =>
  new SavedModelError(
    'TOO_LARGE',
    `the functions of the graph are over ${FRAMES_MAX} calls or ${NODES_MAX} nodes`,
  )
