// Our own .proto files against TensorFlow's: the same names and numbers, and none that is left out.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { preparePython, runPython } from '../support/python.ts'
import { ROOT } from '../support/root.ts'

const PREPARE_MS_MAX = 30 * 60_000
const Numbers = z.record(z.string(), z.record(z.string(), z.int()))
const Tables = z.object({ FIELDS: Numbers, VALUES: Numbers })

test(
  'names and numbers are those of TensorFlow',
  async () => {
    const ours = Tables.parse(await import(join(ROOT, 'libs/saved-model/src/generated/fields.ts')))
    const python = await preparePython()

    const asked = { FIELDS: Object.keys(ours.FIELDS), VALUES: Object.keys(ours.VALUES) }
    const theirs = Tables.parse(JSON.parse(await runPython(python, 'proto_numbers.py', asked)))

    expect(ours).toEqual(theirs)
    expect(ours.FIELDS).toHaveProperty('BundleEntryProto')
  },
  PREPARE_MS_MAX,
)
