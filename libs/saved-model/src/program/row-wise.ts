// Whether a signature does the same with each row by itself, so that many rows may be run a few at a
// time: the answers to the parts, one after the other, are then the answer to all. It is told from the
// graph alone, and what is not understood counts as no.

import type { SignatureDef } from '@drover/serving-api'
import type { Value } from '../values.ts'
import type { Kind } from './kinds.ts'
import type { DenseStep, Program, RowWise, Step } from './program.ts'
import { raggedKinds } from './ragged.ts'
import { rules } from './row-rules.ts'

type Kinds = (Kind | undefined)[]

/** Undefined where it is not known that rows are independent. */
export function rowWiseOf(
  program: Program,
  { signature, constants }: { signature: SignatureDef; constants: readonly Value[] },
): RowWise | undefined {
  const kinds: Kinds = []
  for (const { slot, constant } of program.constants) {
    const value = constants[constant]
    if (value !== undefined) kinds[slot] = { is: 'same', value, shape: value.shape }
  }
  const inputs = inputKinds(kinds, program, signature)
  if (inputs === undefined) return undefined
  for (const step of program.steps) {
    const results = kindsOf(step, kinds)
    for (const [port, kind] of results.entries()) kinds[step.outputs[port] ?? -1] = kind
  }
  const outputs = program.outputs.map(({ alias, slot }) => ({ alias, is: kinds[slot]?.is }))
  if (!outputs.every(({ is }) => is === 'rows' || is === 'same')) return undefined
  const same = outputs.filter(({ is }) => is === 'same').map(({ alias }) => alias)
  return same.length < outputs.length ? { ...inputs, same } : undefined
}

/** An input whose first dimension is any has rows. */
function inputKinds(
  kinds: Kinds,
  program: Program,
  signature: SignatureDef,
): Omit<RowWise, 'same'> | undefined {
  const sliced: RowWise['sliced'][number][] = []
  const whole: RowWise['whole'][number][] = []
  for (const { alias, slot } of program.inputs) {
    const shape = signature.inputs[alias]?.shape
    if (shape === undefined) return undefined
    const [first, ...inner] = shape
    kinds[slot] = first === -1 ? { is: 'rows', inner } : { is: 'same', shape }
    if (first === -1) sliced.push({ alias, inner })
    else whole.push({ alias, shape })
  }
  return sliced.length > 0 ? { sliced, whole } : undefined
}

function kindsOf(step: Step, kinds: Kinds): readonly (Kind | undefined)[] {
  const inputs: Kind[] = []
  for (const slot of step.inputs) {
    const kind = kinds[slot]
    if (kind === undefined) return []
    inputs.push(kind)
  }
  if (step.kind === 'dense') return [denseKind(step, inputs)]
  if (inputs.every(({ is }) => is === 'same')) return step.outputs.map(() => ({ is: 'same' }))
  const ragged = raggedKinds(step, inputs)
  if (ragged !== undefined) return ragged
  const rule = Object.hasOwn(rules, step.op) ? rules[step.op] : undefined
  return rule?.(step, inputs) ?? []
}

function denseKind({ layers }: DenseStep, [input]: readonly Kind[]): Kind | undefined {
  if (input?.is !== 'rows' || input.inner.length !== 1) return undefined
  return { is: 'rows', inner: [layers.at(-1)?.outputs ?? -1] }
}
