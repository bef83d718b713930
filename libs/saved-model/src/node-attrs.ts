// Reads the attributes of nodes. SavedModels leave out what equals TensorFlow's default, so each
// reader takes it.

import type { Tensor, TypeName } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import type { AttrValue, NodeDef } from './graph.ts'
import { isValueType, type ValueType } from './values.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A node as errors name it. */
export const labelOf = ({ op, name }: NodeDef): string => `${op} (node ${name})`

/** The refusal of a node, by name and operation. */
export function untranslatable(node: NodeDef, why: string): SavedModelError {
  return new SavedModelError('UNTRANSLATABLE', `${labelOf(node)}: ${why}`)
}

function read<K extends AttrValue['kind'], T>(
  node: NodeDef,
  name: string,
  kind: K,
  use: (value: Extract<AttrValue, { kind: K }>) => T,
  fallback: T | undefined,
): T {
  const found = node.attrs[name]
  if (found === undefined && fallback !== undefined) return fallback
  if (found === undefined) throw untranslatable(node, `the attribute ${name} is missing`)
  if (!isKind(found, kind))
    throw untranslatable(node, `the attribute ${name} is not of a kind that is carried`)
  return use(found)
}

function isKind<K extends AttrValue['kind']>(
  value: AttrValue,
  kind: K,
): value is Extract<AttrValue, { kind: K }> {
  return value.kind === kind
}

export const intOf = (node: NodeDef, name: string, fallback?: number): number =>
  read(node, name, 'int', ({ value }) => Number(value), fallback)

/** The same where it may be larger than a number can tell exactly. */
export const longOf = (node: NodeDef, name: string, fallback?: bigint): bigint =>
  read<'int', bigint>(node, name, 'int', ({ value }) => value, fallback)

export const intsOf = (node: NodeDef, name: string, fallback?: bigint[]): readonly bigint[] =>
  read<'ints', readonly bigint[]>(node, name, 'ints', ({ value }) => value, fallback)

/** An empty list is read as one of ints. */
export const floatsOf = (node: NodeDef, name: string): readonly number[] =>
  node.attrs[name]?.kind === 'ints'
    ? []
    : read<'floats', readonly number[]>(node, name, 'floats', ({ value }) => value, undefined)

export const floatOf = (node: NodeDef, name: string, fallback?: number): number =>
  read(node, name, 'float', ({ value }) => value, fallback)

export const boolOf = (node: NodeDef, name: string, fallback?: boolean): boolean =>
  read<'bool', boolean>(node, name, 'bool', ({ value }) => value, fallback)

export const textOf = (node: NodeDef, name: string, fallback?: string): string =>
  read(node, name, 'string', ({ value }) => decoder.decode(value), fallback)

/** An empty list is read as one of ints. */
export const textsOf = (node: NodeDef, name: string): string[] =>
  node.attrs[name]?.kind === 'ints'
    ? []
    : read(
        node,
        name,
        'strings',
        ({ value }) => value.map((text) => decoder.decode(text)),
        undefined,
      )

/** An empty list is read as one of ints. */
export const shapesOf = (
  node: NodeDef,
  name: string,
  fallback?: Shapes,
): readonly (readonly number[] | undefined)[] =>
  node.attrs[name]?.kind === 'ints'
    ? []
    : read<'shapes', Shapes>(node, name, 'shapes', ({ value }) => value, fallback)

type Shapes = readonly (readonly number[] | undefined)[]

/** Any type; undefined where the attribute is missing or none. */
export function typeIn({ attrs }: Pick<NodeDef, 'attrs'>, name: string): TypeName | undefined {
  const found = attrs[name]
  return found?.kind === 'type' ? found.value : undefined
}

/** Throws UNTRANSLATABLE for a type of which nothing is translated. */
export function typeOf(node: NodeDef, name: string, fallback?: ValueType): ValueType {
  const type = read(node, name, 'type', ({ value }) => value, fallback)
  if (!isValueType(type)) throw untranslatable(node, `it works on ${type}`)
  return type
}

/** Throws UNTRANSLATABLE when there is a type among them of which nothing is translated. */
export function typesOf(node: NodeDef, name: string, fallback?: readonly TypeName[]): ValueType[] {
  if (node.attrs[name]?.kind === 'ints') return []
  const types = read<'types', readonly TypeName[]>(
    node,
    name,
    'types',
    (attr) => attr.value,
    fallback,
  )
  const other = types.find((type) => !isValueType(type))
  if (other !== undefined) throw untranslatable(node, `it works on ${other}`)
  return types.filter(isValueType)
}

export const tensorOf = (node: NodeDef, name: string): Tensor =>
  read<'tensor', Tensor>(node, name, 'tensor', ({ value }) => value, undefined)
