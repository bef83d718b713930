#!/usr/bin/env node
// Compiles the WebAssembly of the kernels. What it writes is committed, and a test holds it to its source.
//
//   node scripts/build-kernels.mjs    libs/inference/src/kernel/dense.wat -> dense-wasm.ts beside it

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import initWabt from 'wabt'

const FOLDER = join(import.meta.dirname, '../libs/inference/src/kernel')
const COLUMNS = 90

const source = await readFile(join(FOLDER, 'dense.wat'), 'utf8')
const wabt = await initWabt()
const module = wabt.parseWat('dense.wat', source, { simd: true, threads: true })
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64')
const lines = base64.match(new RegExp(`.{1,${COLUMNS}}`, 'g')).map((line) => `  '${line}',`)

await writeFile(
  join(FOLDER, 'dense-wasm.ts'),
  `// Made from dense.wat by scripts/build-kernels.mjs; not to be edited.

/** The bytes of the module, in base64. */
export const DENSE_WASM = [
${lines.join('\n')}
].join('')
`,
)
