// Writes the tables of libs/saved-model/proto: `npm run generate` in that folder. Graphs are read and
// written by hand-made code, which is faster than a general one and knows its limits: all that it
// needs of the `.proto` files are their numbers.
//
// node scripts/generate-fields.mjs [folder]   (libs/saved-model/src/generated, unless a folder is given)

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { createFileRegistry, fromBinary, ScalarType } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ROOT, runBuf } from './buf.mjs'

const PROTOS = ['libs/saved-model/proto', 'libs/serving-api/proto']
const PACKAGE = 'tensorflow.'
/** What a text may hold. */
const TEXT_ROOT = 'SavedModel'
const LINE_CHARACTERS_MAX = 100
const HEAD = '// Made of proto/ by scripts/generate-fields.mjs; do not edit.\n'

/** Of protobuf itself, and used. */
const PROTOBUF = 'google.protobuf.'

const target = resolve(process.argv[2] ?? join(ROOT, 'libs/saved-model/src/generated'))
const own = new Set(filesIn(join(ROOT, PROTOS[0])))
const messages = [...readFiles().files]
  .filter(({ proto }) => own.has(proto.name))
  .flatMap((file) => file.messages.flatMap(withInner))

mkdirSync(target, { recursive: true })
writeFileSync(join(target, 'fields.ts'), fieldsFile())
writeFileSync(join(target, 'messages.ts'), messagesFile())

function readFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'drover-descriptors-'))
  try {
    const path = join(folder, 'all.binpb')
    const config = { version: 'v2', modules: PROTOS.map((each) => ({ path: each })) }
    runBuf(['build', '.', '--config', JSON.stringify(config), '-o', path])
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(path)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) =>
    file.replaceAll(sep, '/'),
  )
}

function withInner(message) {
  return [message, ...message.nestedMessages.flatMap(withInner)]
}

/** As the text has it. */
function nameOf({ typeName }) {
  return typeName.startsWith(PACKAGE) ? typeName.slice(PACKAGE.length) : typeName
}

/** Numbers of fields and enums, to be used in code. */
function fieldsFile() {
  const types = reachable(messages)
  return [
    HEAD,
    '/** The numbers of the fields of each message. */',
    ...constant('FIELDS', types, 'message', ({ fields }) => fields),
    '',
    '/** The numbers of the values of each enum. */',
    ...constant('VALUES', types, 'enum', ({ values }) => values),
    '',
  ].join('\n')
}

function constant(name, types, kind, partsOf) {
  const lines = types
    .filter((type) => type.kind === kind)
    .flatMap((type) => {
      const key = nameOf(type).replace(PROTOBUF, '').replaceAll('.', '_')
      const parts = partsOf(type).map((part) => `${part.name}: ${part.number},`)
      return wrapped(`  ${key}: {`, parts, '},')
    })
  return [`export const ${name} = {`, ...lines, '} as const']
}

/** What `text-format/schema.ts` reads. */
function messagesFile() {
  const types = reachable(messages.filter((message) => nameOf(message) === TEXT_ROOT))
  const lines = (kind, linesOf) => types.filter((type) => type.kind === kind).flatMap(linesOf)
  return [
    HEAD,
    '/**',
    ' * A message, then its fields: name, number, type, `*` where it is repeated, and `|` with the group of',
    ' * which only one may be there.',
    ' */',
    'export const MESSAGES = `',
    ...lines('message', (type) => wrapped(`${nameOf(type)} {`, type.fields.map(fieldText), '}')),
    '`',
    '',
    '/** An enum, then its values. */',
    'export const ENUMS = `',
    ...lines('enum', (type) =>
      wrapped(
        `${nameOf(type)} {`,
        type.values.map(({ name, number }) => `${name}=${number}`),
        '}',
      ),
    ),
    '`',
    '',
  ].join('\n')
}

/** These and all types of which they may hold something, by name. */
function reachable(roots) {
  const found = new Set(roots)
  // A set that grows while it is walked is walked to its end.
  for (const { fields = [] } of found)
    for (const { message, enum: values } of fields)
      for (const type of [message, values]) if (type !== undefined) found.add(type)
  return [...found].toSorted((a, b) => (a.typeName < b.typeName ? -1 : 1))
}

function fieldText(field) {
  const { name, number, fieldKind, oneof } = field
  const isRepeated = fieldKind === 'list' || fieldKind === 'map'
  const type =
    fieldKind === 'map' ? `map<${scalarOf(field.mapKey)},${typeText(field)}>` : typeText(field)
  return `${name}=${number}:${type}${isRepeated ? '*' : ''}${oneof === undefined ? '' : `|${oneof.name}`}`
}

function typeText({ message, enum: values, scalar }) {
  return message === undefined && values === undefined
    ? scalarOf(scalar)
    : nameOf(message ?? values)
}

function scalarOf(scalar) {
  return ScalarType[scalar].toLowerCase()
}

/** Words in lines that are not too long. */
function wrapped(head, words, tail) {
  const lines = [head]
  for (const word of [...words, tail]) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length <= LINE_CHARACTERS_MAX) lines[lines.length - 1] = line
    else lines.push(`    ${word}`)
  }
  return lines
}
