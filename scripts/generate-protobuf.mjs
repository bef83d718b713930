// Writes the TypeScript of libs/serving-api/proto: `npm run generate` in that folder.
//
// node scripts/generate-protobuf.mjs [folder]   (libs/serving-api/src/generated, unless a folder is given)

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ROOT, runBuf } from './buf.mjs'

const PROTO = join(ROOT, 'libs/serving-api/proto')
const GENERATED = join(ROOT, 'libs/serving-api/src/generated')

const target = resolve(process.argv[2] ?? GENERATED)
const made = mkdtempSync(join(tmpdir(), 'drover-protobuf-'))
try {
  generate(made)
  for (const file of filesIn(made)) {
    writeFileSync(file, eraseEnums(readFileSync(file, 'utf8')))
  }
  rmSync(target, { recursive: true, force: true })
  cpSync(made, target, { recursive: true })
} finally {
  rmSync(made, { recursive: true, force: true })
}

/** Runs buf with the local plugin. */
function generate(out) {
  const template = {
    version: 'v2',
    plugins: [{ local: 'protoc-gen-es', out, opt: ['target=ts', 'import_extension=ts'] }],
  }
  runBuf(['generate', '--template', JSON.stringify(template), PROTO])
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file))
}

/**
 * An enum is the one thing that the plugin writes and that cannot be erased from TypeScript
 * (`erasableSyntaxOnly`): here it becomes an object and the type of its values.
 */
function eraseEnums(text) {
  return text.replaceAll(
    /^export enum (\w+) \{\n(.*?)^\}$/gms,
    (_, name, values) =>
      `export const ${name} = {\n${values.replaceAll(/^( {2}\w+) = /gm, '$1: ')}} as const;\n\n` +
      `export type ${name} = (typeof ${name})[keyof typeof ${name}];`,
  )
}
