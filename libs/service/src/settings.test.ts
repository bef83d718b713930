import { expect, test } from 'vitest'
import { z } from 'zod'
import { Port, readSettings } from './settings.ts'

const Settings = z.object({ DROVER_PORT: Port.default(0), DROVER_STORE: z.string() })

test('settings are read once and cannot be changed', () => {
  const settings = readSettings(Settings, { DROVER_PORT: '8080', DROVER_STORE: '/store' })

  expect(settings).toEqual({ DROVER_PORT: 8080, DROVER_STORE: '/store' })
  expect(Object.isFrozen(settings)).toBe(true)
})

test('everything that is wrong with the settings is said at once', () => {
  expect(() => readSettings(Settings, { DROVER_PORT: '99999' })).toThrow(
    /DROVER_PORT[^]*DROVER_STORE|DROVER_STORE[^]*DROVER_PORT/,
  )
})

test.each(['http', '-1', '65536', '1.5'])('%j is no port', (port) => {
  expect(Port.safeParse(port).success).toBe(false)
})
