// Each test file is in one suite, and once: a pattern that matches nothing leaves tests out, and says nothing.

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ROOT } from './support/root.ts'

const Listed = z.array(z.object({ file: z.string() }))
const SUITES = { slow: 'DROVER_SLOW', docker: 'DROVER_DOCKER', cluster: 'DROVER_CLUSTER' }
const OF_A_SUITE = new RegExp(`\\.(?:${Object.keys(SUITES).join('|')})\\.test\\.ts$`)

const kept = ['apps', 'libs', 'test']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  )
  .filter((file) => file.endsWith('.test.ts') && !/\/(?:dist|node_modules)\//.test(file))

/** What vitest would run with these settings. */
function listed(env: Record<string, string>): string[] {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const { PATH = '', HOME = '' } = process.env
  const found = execFileSync(process.execPath, [vitest, 'list', '--filesOnly', '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { PATH, HOME, ...env },
  })
  return Listed.parse(JSON.parse(found))
    .map(({ file }) => relative(ROOT, file))
    .toSorted()
}

test('npm test runs every file that is of no other suite', () => {
  expect(listed({})).toEqual(kept.filter((file) => !OF_A_SUITE.test(file)).toSorted())
})

test.each(Object.entries(SUITES))('the suite %s runs its files', (suite, setting) => {
  const files = kept.filter((file) => file.endsWith(`.${suite}.test.ts`))

  expect(files).not.toEqual([])
  expect(listed({ [setting]: '1' })).toEqual(files.toSorted())
})
