import { expect, test } from 'vitest'
import { Child } from './child.ts'

const timeoutMs = 1_000

test('a program that is not there blames no model', async () => {
  const child = new Child('nowhere')

  await expect(child.ready).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the process for models does not start: exit code 1',
    cause: { message: expect.stringContaining('nowhere.js') },
  })
})

test('a process that has ended before it is asked blames no model', async () => {
  const child = new Child('probe-child', ['fast'])
  await child.ready
  await child.kill()

  const asked = child.request({}, { timeoutMs })

  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
