import { expect, test, vi } from 'vitest'
import { Jobs } from './jobs.ts'

test('so many jobs run at a time, in order, and urgent ones go first', async () => {
  const jobs = new Jobs(1)
  const begun: string[] = []
  const ends: (() => void)[] = []
  const add = (name: string, isUrgent = false) =>
    jobs.add(
      async () => {
        begun.push(name)
        await new Promise<void>((resolve) => ends.push(resolve))
      },
      { isUrgent, onFault: () => {} },
    )
  for (const name of ['a', 'b', 'c']) add(name)
  add('urgent', true)
  expect([begun, jobs.size]).toEqual([['a'], 4])

  for (const next of ['urgent', 'b', 'c']) {
    ends.shift()?.()
    await vi.waitUntil(() => begun.at(-1) === next)
  }
  ends.shift()?.()

  await vi.waitUntil(() => jobs.size === 0)
  expect(begun).toEqual(['a', 'urgent', 'b', 'c'])
})

test('a job that fails is told of, and the next one runs', async () => {
  const jobs = new Jobs(1)
  const faults: unknown[] = []
  const fault = new Error('broken')
  const onFault = (error: unknown) => void faults.push(error)
  jobs.add(async () => await Promise.reject(fault), { isUrgent: false, onFault })

  await new Promise<void>((resolve) =>
    jobs.add(async () => await Promise.resolve(resolve()), { isUrgent: false, onFault }),
  )

  expect(faults).toEqual([fault])
})
