import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const GENERATED = join(import.meta.dirname, 'generated')

function readAll(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .toSorted()
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
}

test('the committed code is what the .proto files make', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-generated-'))

  execFileSync(process.execPath, [join(ROOT, 'scripts/generate-protobuf.mjs'), folder])

  const made = readAll(folder)
  expect(Object.keys(made)).not.toEqual([])
  expect(readAll(GENERATED)).toEqual(made)
  rmSync(folder, { recursive: true })
})
