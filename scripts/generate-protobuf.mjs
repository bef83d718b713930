// Writes the TypeScript of libs/serving-api/proto: `npm run generate` in that folder.
//
// node scripts/generate-protobuf.mjs [folder]   (libs/serving-api/src/generated, unless a folder is given)

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const PROTO = join(ROOT, 'libs/serving-api/proto')
const GENERATED = join(ROOT, 'libs/serving-api/src/generated')
const WAIT_MS_MAX = 60_000

const { PATH = '' } = process.env
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

/** Runs buf with the local plugin: nothing is asked of any network. */
function generate(out) {
  const template = {
    version: 'v2',
    plugins: [{ local: 'protoc-gen-es', out, opt: ['target=ts', 'import_extension=ts'] }],
  }
  execFileSync(join(BIN, 'buf'), ['generate', '--template', JSON.stringify(template), PROTO], {
    cwd: ROOT,
    env: { ...process.env, PATH: [BIN, PATH].join(delimiter) },
    stdio: 'inherit',
    timeout: WAIT_MS_MAX,
  })
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
