import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { numberOfType, typeOfNumber } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { VALUES } from './generated/fields.ts'

const ROOT = join(import.meta.dirname, '../../..')
const GENERATED = join(import.meta.dirname, 'generated')

const readAll = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  )

test('the committed tables are what the .proto files make', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-generated-'))

  execFileSync(process.execPath, [join(ROOT, 'scripts/generate-fields.mjs'), folder])

  const made = readAll(folder)
  expect(Object.keys(made)).toEqual(['fields.ts', 'messages.ts'])
  expect(readAll(GENERATED)).toEqual(made)
  rmSync(folder, { recursive: true })
})

test('an element type has the number that the .proto files give it', () => {
  const names = Object.entries(VALUES.DataType)

  expect(names.map(([, number]) => typeOfNumber(number))).toEqual(names.map(([name]) => name))
  expect(names.map(([, number]) => numberOfType(typeOfNumber(number)))).toEqual(
    names.map(([, number]) => number),
  )
})
