// Values of Python as `saved_model_cli` prints them.

import type { PythonFunction, PythonValue } from '@drover/saved-model'
import type { TypeName } from '@drover/serving-api'

/** The names in Python of element types that have others there. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  FLOAT: 'float32',
  DOUBLE: 'float64',
  HALF: 'float16',
}

/** What functions take, in the lines of `saved_model_cli show`. */
export function functionLines({ name, options }: PythonFunction): string[] {
  return [
    `  Function Name: '${name}'`,
    ...options.flatMap(({ args, named }, index) => [
      ...(args.length > 0 ? [`    Option #${index + 1}`, '      Callable with:'] : []),
      ...args.flatMap((value, at) => [`        Argument #${at + 1}`, ...argumentLines(value)]),
      ...named.flatMap((key, at) => [`        Named Argument #${at + 1}`, `          ${key}`]),
    ]),
  ]
}

function argumentLines(value: PythonValue): string[] {
  if (value.kind === 'string') return [`          ${value.value}`]
  if (value.kind === 'tensor') return [`          ${value.name || 'None'}: ${reprOf(value)}`]
  return [`          DType: ${classOf(value)}`, `          Value: ${topText(value)}`]
}

/** Of a list or a tuple it says one and the same, and of what is in them what `str` does. */
function topText(value: PythonValue): string {
  if (value.kind === 'list' || value.kind === 'tuple')
    return `[${value.values.map(strOf).join(', ')}]`
  if (value.kind === 'dict')
    return `{${value.entries.map(([key, each]) => `'${key}': ${strOf(each)}`).join(', ')}}`
  if (value.kind === 'shape' && value.value !== undefined)
    return `[${value.value.map(sizeText).join(', ')}]`
  return strOf(value)
}

const CLASSES = {
  none: 'NoneType',
  other: 'object',
  float: 'float',
  int: 'int',
  bool: 'bool',
  string: 'str',
  shape: 'TensorShape',
  type: 'DType',
  tensor: 'TensorSpec',
  list: 'list',
  tuple: 'tuple',
  dict: 'dict',
}

const classOf = (value: PythonValue): string =>
  value.kind === 'spec' ? lastOf(value.name) : CLASSES[value.kind]

const lastOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

function strOf(value: PythonValue): string {
  if (value.kind === 'shape') return shapeText(value.value)
  if (value.kind === 'type') return `<dtype: '${typeText(value.value)}'>`
  return value.kind === 'string' ? `'${value.value}'` : reprOf(value)
}

/** What `repr` says of a value. */
function reprOf(value: PythonValue): string {
  if (value.kind === 'tuple') return tupleText(value.values.map(reprOf))
  if (value.kind === 'list') return `[${value.values.map(reprOf).join(', ')}]`
  if (value.kind === 'spec') return `${lastOf(value.name)}${reprOf(value.state)}`
  if (value.kind === 'dict')
    return `{${value.entries.map(([key, each]) => `'${key}': ${reprOf(each)}`).join(', ')}}`
  return simpleText(value)
}

type Compound = Extract<PythonValue, { kind: 'tuple' | 'list' | 'spec' | 'dict' }>

function simpleText(value: Exclude<PythonValue, Compound>): string {
  switch (value.kind) {
    case 'none':
      return 'None'
    case 'other':
      return '...'
    case 'bool':
      return value.value ? 'True' : 'False'
    case 'int':
      return value.value
    case 'float':
      return floatText(value.value)
    case 'string':
      return `'${value.value.replaceAll(/['\\]/g, String.raw`\$&`)}'`
    case 'shape':
      return `TensorShape(${value.value ? `[${value.value.map(sizeText).join(', ')}]` : 'None'})`
    case 'type':
      return `tf.${typeText(value.value)}`
    case 'tensor':
      return specText(value)
  }
}

function specText({ shape, dtype, name }: Extract<PythonValue, { kind: 'tensor' }>): string {
  const called = name === '' ? 'None' : `'${name}'`
  return `TensorSpec(shape=${shapeText(shape)}, dtype=tf.${typeText(dtype)}, name=${called})`
}

const sizeText = (size: number): string => (size < 0 ? 'None' : `${size}`)

const shapeText = (shape: readonly number[] | undefined): string =>
  shape === undefined ? '<unknown>' : tupleText(shape.map(sizeText))

const tupleText = (parts: readonly string[]): string =>
  parts.length === 1 ? `(${parts[0]},)` : `(${parts.join(', ')})`

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const text = `${value}`
  return /^-?\d+$/.test(text) ? `${text}.0` : text.replace(/e([+-])(\d)$/, 'e$10$2')
}

function typeText(type: TypeName): string {
  const [, name = '', reference = ''] = /^DT_(.*?)(_REF)?$/.exec(type) ?? []
  return `${TYPE_NAMES[name] ?? name.toLowerCase()}${reference.toLowerCase()}`
}
