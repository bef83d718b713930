// Operations of graphs by chance that call functions: conditions, loops and calls.

import { attr, type FunctionDef, type NodeDef } from '@drover/saved-model'
import type { DataType } from '@drover/serving-api'
import {
  boundOf,
  type Draft,
  isInteger,
  isNumber,
  isTruth,
  type Span,
  spanOf,
  type Wire,
} from './random-draft.ts'
import { type Drafting, within } from './random-floats.ts'
import { constant, node } from './sample-conditions.ts'
import { int32 } from './sample-tensors.ts'

const ROUNDS = 3
const [BOOL, INT32] = [attr.type('DT_BOOL'), attr.type('DT_INT32')]

/** What functions do with `x`, of a truth value `is` beside it. */
const BODIES = ['twice', 'negated', 'same', 'called', 'chosen'] as const
type Body = (typeof BODIES)[number]

const nameOf = (body: Body, dtype: DataType): string => `${body}_${dtype}`

/** The attributes of what calls functions on both. */
const called = (dtype: DataType) => ({
  Tin: attr.types(['DT_BOOL', dtype]),
  Tout: attr.types([dtype]),
})

function nodesOf(body: Body, dtype: DataType): NodeDef[] {
  const T = { T: attr.type(dtype) }
  switch (body) {
    case 'twice':
      return [node('y', 'AddV2', ['x', 'x'], T)]
    case 'negated':
      return [node('y', 'Neg', ['x'], T)]
    case 'same':
      return [node('y', 'Identity', ['x'], T)]
    case 'called': {
      const f = attr.function(nameOf('twice', dtype))
      return [
        node('inner', 'PartitionedCall', ['is', 'x'], { ...called(dtype), f }),
        node('y', 'Neg', ['inner:output:0'], T),
      ]
    }
    case 'chosen':
      return [
        node('y', 'StatelessIf', ['is', 'is', 'x'], {
          ...called(dtype),
          Tcond: BOOL,
          then_branch: attr.function(nameOf('negated', dtype)),
          else_branch: attr.function(nameOf('twice', dtype)),
        }),
      ]
  }
}

const PORTS: Readonly<Record<Body, string>> = {
  twice: 'y:z:0',
  negated: 'y:y:0',
  same: 'y:output:0',
  called: 'y:y:0',
  chosen: 'y:output:0',
}

/** A function by its name, with those that it calls. */
function functionFor(draft: Draft, body: Body, dtype: DataType): string {
  for (const inner of ['twice', 'negated'] as const)
    if (body === 'called' || body === 'chosen') functionFor(draft, inner, dtype)
  const definition: FunctionDef = {
    name: nameOf(body, dtype),
    inputs: ['is', 'x'],
    outputs: [PORTS[body]],
    effects: [],
    nodes: nodesOf(body, dtype),
    types: { inputs: ['DT_BOOL', dtype], outputs: [dtype] },
  }
  return draft.function(definition)
}

/** A truth value, of what is there. */
function truthFor(draft: Draft): Wire | undefined {
  const wire = draft.find(isTruth)
  if (wire === undefined || wire.shape.length === 0) return wire
  const axes = draft.constant(int32(wire.shape.map((_, axis) => axis)))
  const attrs = { Tidx: INT32, keep_dims: attr.bool(false) }
  return draft.add(draft.from(['Any', 'All']), [wire, axes], attrs, [
    { dtype: 'DT_BOOL', shape: [] },
  ])[0]
}

/** Numbers that may be doubled a few times, and what they are then. */
function numbersFor(draft: Draft, times: number): { wire: Wire; span: Span } | undefined {
  const found = draft.find(isNumber)
  if (found === undefined) return undefined
  const wire = isInteger(found) ? found : within(draft, found, -4, 4)
  const bound = boundOf(wire) * times
  const span = { low: -bound, high: bound, grid: wire.grid, error: wire.error * times }
  const made = spanOf(wire.dtype, span)
  return made && { wire, span: made }
}

const condition: Drafting = (draft) => {
  const [is, found] = [truthFor(draft), numbersFor(draft, 2)]
  if (is === undefined || found === undefined) return
  const { wire, span } = found
  const { dtype, shape } = wire
  const [then, other] = [0, 0].map(() => functionFor(draft, draft.from(BODIES), dtype))
  const attrs = {
    ...called(dtype),
    Tcond: BOOL,
    then_branch: attr.function(then ?? ''),
    else_branch: attr.function(other ?? ''),
  }
  draft.add(draft.from(['If', 'StatelessIf']), [is, is, wire], attrs, [{ dtype, shape, ...span }])
}

/** What is none of the branches is the last one. */
const choice: Drafting = (draft) => {
  const index = draft.find(
    ({ dtype, shape }) => dtype === 'DT_INT32' && shape.every((size) => size === 1),
  )
  const [is, found] = [truthFor(draft), numbersFor(draft, 2)]
  if (index === undefined || is === undefined || found === undefined) return
  const { wire, span } = found
  const { dtype, shape } = wire
  const scalar =
    index.shape.length === 0
      ? index
      : draft.node('Reshape', [index, draft.constant(int32([]))], { T: INT32, Tshape: INT32 })
  const branches = [0, 0, 0].map(() => functionFor(draft, draft.from(BODIES), dtype))
  const attrs = { ...called(dtype), branches: attr.functions(branches) }
  draft.add('Case', [scalar, is, wire], attrs, [{ dtype, shape, ...span }])
}

const call: Drafting = (draft) => {
  const [is, found] = [truthFor(draft), numbersFor(draft, 2)]
  if (is === undefined || found === undefined) return
  const { wire, span } = found
  const { dtype, shape } = wire
  const f = attr.function(functionFor(draft, draft.from(BODIES), dtype))
  const op = draft.from(['PartitionedCall', 'StatefulPartitionedCall'])
  draft.add(op, [is, wire], { ...called(dtype), f }, [{ dtype, shape, ...span }])
}

/** A few rounds of a function; of none, where the count is large already. */
const loop: Drafting = (draft) => {
  const [is, found] = [truthFor(draft), numbersFor(draft, 2 ** ROUNDS)]
  if (is === undefined || found === undefined) return
  const { wire, span } = found
  const { dtype, shape } = wire
  const body = functionFor(draft, draft.from(BODIES), dtype)
  const args = ['round', 'is', 'x']
  const types: DataType[] = ['DT_INT32', 'DT_BOOL', dtype]
  const inputs = { inputs: types, outputs: types }
  const below = draft.function({
    name: `below_${dtype}`,
    inputs: args,
    outputs: ['less:z:0'],
    effects: [],
    nodes: [
      constant('rounds', int32([ROUNDS], [])),
      node('less', 'Less', ['round', 'rounds:output:0'], { T: INT32 }),
    ],
    types: { ...inputs, outputs: ['DT_BOOL'] },
  })
  const next = draft.function({
    name: `next_${body}`,
    inputs: args,
    outputs: ['add:z:0', 'is', 'y:output:0'],
    effects: [],
    nodes: [
      constant('one', int32([1], [])),
      node('add', 'AddV2', ['round', 'one:output:0'], { T: INT32 }),
      node('y', 'PartitionedCall', ['is', 'x'], { ...called(dtype), f: attr.function(body) }),
    ],
    types: inputs,
  })
  const first = draft.constant(int32([draft.below(ROUNDS + 1)], []))
  const attrs = { T: attr.types(types), cond: attr.function(below), body: attr.function(next) }
  const op = draft.from(['While', 'StatelessWhile'])
  draft.add(op, [first, is, wire], attrs, [
    { dtype: 'DT_INT32', shape: [], low: 0, high: ROUNDS, grid: 0, error: 0 },
    { dtype: 'DT_BOOL', shape: [] },
    { dtype, shape, ...span },
  ])
}

export const controlDraftings: Readonly<Record<string, Drafting>> = {
  Case: choice,
  If: condition,
  If_again: condition,
  PartitionedCall: call,
  While: loop,
}
