import { MessageChannel } from 'node:worker_threads'
import type { ModelServerModel } from '@drover/model-config'
import { expect, test } from 'vitest'
import { openChannel } from '../threads/channel.ts'
import type { ControlProtocol } from './messages.ts'
import { ReloadParts, sendModels } from './reload-parts.ts'

const never = async (): Promise<never> => await new Promise(() => {})
const model = (name: string): ModelServerModel => ({
  name,
  basePath: '/m',
  modelPlatform: 'tensorflow',
  versionPolicy: { kind: 'latest', numVersions: 1 },
  versionLabels: {},
})

test('a long list comes in parts between which others are answered, and is whole', async () => {
  const parts = new ReloadParts()
  const { port1, port2 } = new MessageChannel()
  const sizes: number[] = []
  openChannel<ControlProtocol, Record<string, never>>(port2, {
    models: ({ list, models }) => {
      sizes.push(models.length)
      parts.add(list, models)
    },
    status: never,
    reload: never,
    prometheus: never,
    lane: never,
    warm: never,
  })
  const control = openChannel<Record<string, never>, ControlProtocol>(port1, {})
  const models = Array.from({ length: 1_200 }, (_, index) => model(`m${index}`))

  const sent = await sendModels(models, control)

  expect(sizes).toEqual([500, 500, 200])
  expect(parts.take({ sent, config: { models: [] } })).toEqual({ models })
  // What is not there must not be taken for a list of no models.
  expect(() => parts.take({ sent, config: { models: [] } })).toThrow('Too many lists')
  port1.close()
})
