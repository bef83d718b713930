import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { endLeftBehind } from './left-behind.ts'

test('without /proc, a warning says that nothing can be found', async () => {
  const warned = once(process, 'warning')
  const missing = join(tmpdir(), 'drover-no-proc')

  await endLeftBehind({ run: 'run', home: '/nowhere' }, missing)

  const [warning] = await warned
  expect(String(warning)).toContain(`without ${missing}`)
})
