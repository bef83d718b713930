// `npm run zoo [-- name...] [--write] [--ops]`: runs the zoo, or some of its models, and prints what it found.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../support/root.ts'
import { blockersOf } from './ops.ts'
import { runZoo } from './run.ts'
import { lineOf, pageOf, summaryOf } from './table.ts'
import { prepareZoo } from './zoo.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Writes docs/compatibility.md; of all models only. */
    write: { type: 'boolean', default: false },
    /** Which operations keep models from the fast engines. */
    ops: { type: 'boolean', default: false },
  },
})
if (values.write && positionals.length > 0) {
  console.error('--write is for all models')
  process.exit(2)
}
const rows = await runZoo(await prepareZoo(positionals), (row) => console.log(lineOf(row)))
if (values.ops)
  for (const { what, models, alone } of blockersOf(rows))
    console.log(
      `${what.padEnd(36)} ${String(models).padStart(4)} ${alone.length}  ${alone.join(' ')}`,
    )
console.log(summaryOf(rows))
if (values.write) await writeFile(join(ROOT, 'docs/compatibility.md'), pageOf(rows))
