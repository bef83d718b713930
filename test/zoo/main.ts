// `npm run zoo [-- name...] [--write] [--ops] [--tensorflow]`: runs the zoo and the published models, or
// some of them, and prints what it found.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../support/root.ts'
import { blockersOf } from './ops.ts'
import { PUBLISHED } from './published-list.ts'
import { preparePublished } from './published.ts'
import { type Row, runZoo } from './run.ts'
import { lineOf, pageOf, summaryOf } from './table.ts'
import { prepareZoo } from './zoo.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Writes docs/compatibility.md; of all models only. */
    write: { type: 'boolean', default: false },
    /** Which operations keep models from the fast engines. */
    ops: { type: 'boolean', default: false },
    /** Whether TensorFlow's engine runs all of the zoo as well, whatever is chosen; so does `--write`. */
    tensorflow: { type: 'boolean', default: false },
  },
})
if (values.write && positionals.length > 0) {
  console.error('--write is for all models')
  process.exit(2)
}
const printRow = (row: Row): void => console.log(lineOf(row))
const isWhole = positionals.length === 0
const ours = positionals.filter((name) => !(name in PUBLISHED))
const made = isWhole || ours.length > 0 ? await prepareZoo(ours) : []
const rows = await runZoo(made, { onRow: printRow })
const wanted = (name: string): boolean => isWhole || positionals.includes(name)
const published =
  isWhole || ours.length < positionals.length
    ? await runZoo(
        (await preparePublished()).filter(({ name }) => wanted(name)),
        { onRow: printRow },
      )
    : []
if (values.ops)
  for (const { what, models, alone } of blockersOf(rows))
    console.log(
      `${what.padEnd(36)} ${String(models).padStart(4)} ${alone.length}  ${alone.join(' ')}`,
    )
if (rows.length > 0) console.log(summaryOf(rows))
if (published.length > 0)
  console.log(`published by others: ${summaryOf(published, 'their own runtime')}`)
if (values.tensorflow || values.write) {
  console.log('on the engine of TensorFlow alone:')
  const alone = await runZoo(made, { engine: 'tensorflow', onRow: printRow })
  console.log(summaryOf(alone))
  if (values.write)
    await writeFile(join(ROOT, 'docs/compatibility.md'), pageOf(rows, { published, alone }))
}
