// A signature in protobuf's text format, as upstream's errors show it.

import type { SignatureDef, TensorInfo } from '../tensor.ts'

/** The signature as protobuf's `DebugString` prints it. */
export function signatureText({ inputs, outputs, methodName }: SignatureDef): string {
  const lines = [
    ...mapLines('inputs', inputs),
    ...mapLines('outputs', outputs),
    ...(methodName === '' ? [] : [`method_name: ${quote(methodName)}`]),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function mapLines(field: string, infos: Readonly<Record<string, TensorInfo>>): string[] {
  return Object.entries(infos)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([alias, info]) =>
      block(field, [`key: ${quote(alias)}`, ...block('value', infoLines(info))]),
    )
}

function infoLines({ name, dtype, shape }: TensorInfo): string[] {
  const dimensions = (shape ?? []).flatMap((size) =>
    block('dim', size === 0 ? [] : [`size: ${size}`]),
  )
  return [
    ...(name === '' ? [] : [`name: ${quote(name)}`]),
    ...(dtype === 'DT_INVALID' ? [] : [`dtype: ${dtype}`]),
    ...block('tensor_shape', shape === undefined ? ['unknown_rank: true'] : dimensions),
  ]
}

const block = (field: string, lines: readonly string[]): string[] => [
  `${field} {`,
  ...lines.map((line) => `  ${line}`),
  '}',
]

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  "'": "\\'",
  '\\': '\\\\',
}

/** Bytes that are no printable ASCII are written in octal. */
function quote(text: string): string {
  const escaped = Buffer.from(text)
    .toString('latin1')
    .replaceAll(/["'\\]|[^ -~]/g, (byte) => ESCAPES[byte] ?? octal(byte))
  return `"${escaped}"`
}

const octal = (byte: string): string => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`
