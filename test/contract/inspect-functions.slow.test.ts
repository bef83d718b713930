// The functions of Python in a SavedModel, as `saved_model_cli` lists them: the zoo's take tensors only.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { inspected, sorted } from '../support/inspected.ts'
import { preparePython, runPython } from '../support/python.ts'

const PREPARE_MS_MAX = 30 * 60_000

test(
  'inspect lists functions and all that they take as saved_model_cli does',
  async () => {
    const python = await preparePython()
    const directory = await mkdtemp(join(tmpdir(), 'drover-functions-'))
    try {
      const printed = await runPython(python, 'show_functions.py', directory)
      const theirs = z.string().parse(JSON.parse(printed.trimEnd().split('\n').at(-1) ?? ''))

      const ours = await inspected(directory)

      expect(theirs).toContain('Value: RaggedTensorSpec')
      expect(sorted(ours)).toContain(sorted(theirs))
    } finally {
      await rm(directory, { recursive: true })
    }
  },
  PREPARE_MS_MAX,
)
