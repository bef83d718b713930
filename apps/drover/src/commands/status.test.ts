import { expect, test } from 'vitest'
import { fleetOf, published, serverOn, shaOf, silentServer } from '../servers.fixture.ts'
import { passed, startDrover } from './drover.fixture.ts'
import { statusCommand } from './status.ts'

const versions = [passed(3)]

test('a pod that never answered is shown as such, and is no server that could serve', async () => {
  const fleet = fleetOf([serverOn({ sha: shaOf(1), seq: 10 }), silentServer])
  await using drover = await startDrover(fleet, published({ versions }))

  await statusCommand(drover.context, undefined)

  expect(drover.configs).toEqual([shaOf(1)])
  expect(drover.text()).toEqual([
    'acme.late      served         version 3 on 1 of 1 servers (1 more does not answer)',
    '',
    'server         ready          config 10',
    'http://silent  not answering',
    '',
    'all is done',
  ])
})

test('a model that the config of every server leaves out is not served', async () => {
  const fleet = fleetOf([serverOn({ sha: shaOf(2), seq: 12 })])
  await using drover = await startDrover(fleet, published({ versions }))

  await statusCommand(drover.context, 'acme')

  expect(drover.text()[0]).toContain('published')
})

test('servers that were seen before a config went live are looked at once more', async () => {
  const canary = serverOn({ sha: shaOf(1), seq: 10 })
  const behind = { ...serverOn({ sha: shaOf(2), seq: 9 }), url: 'http://behind' }
  const before = fleetOf([canary, behind], {
    channel: { live: { sha: shaOf(2), seq: 9, at: '2026-01-01T00:00:00.000Z' } },
  })
  const live = { seq: 10, at: '2026-01-01T00:00:01.000Z' }
  const after = fleetOf([canary, canary])
  await using drover = await startDrover([before, after], { ...published({ versions }), live })

  await statusCommand(drover.context, 'acme')

  expect(drover.text()[0]).toContain('version 3 on 2 of 2 servers')
})
