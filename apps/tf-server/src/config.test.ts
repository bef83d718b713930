import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { modelServerEnv, readConfig } from './config.ts'

const needed = { DROVER_STORE: '/srv/store', DROVER_CACHE: '/var/cache/drover' }

describe('the settings', () => {
  test('have defaults but for the two folders', () => {
    expect(readConfig(needed)).toMatchObject({
      DROVER_SERVER: 'tf-server',
      DROVER_FLEET: 'main',
      DROVER_REST_HOST: '127.0.0.1',
      DROVER_POLL_MS: 5_000,
      DROVER_CACHE_AGE_MAX: 6 * 3_600_000,
      DROVER_ALLOWED_OPERATIONS: [],
      DROVER_MODEL_SERVER: expect.stringMatching(/apps\/model-server\/bin\/drover-model-server$/),
    })
  })

  test('are refused all together', () => {
    const wrong = {
      DROVER_REST_HOST: 'localhost',
      DROVER_CACHE_AGE_MAX: '6 hours',
      DROVER_ALLOWED_OPERATIONS: 'Readfile',
    }

    const read = () => readConfig(wrong)

    for (const name of ['DROVER_STORE', 'DROVER_CACHE', ...Object.keys(wrong)])
      expect(read).toThrow(name)
  })

  test('the config of an annotation may be empty, and is refused when it is none', () => {
    const sha = 'a'.repeat(64)
    const named = (DROVER_CONFIG: string) => readConfig({ ...needed, DROVER_CONFIG }).DROVER_CONFIG

    expect(named('')).toBeUndefined()
    expect(named(`12-${sha}`)).toEqual({ seq: 12, sha })
    expect(() => named('latest')).toThrow('DROVER_CONFIG')
  })

  test('a server that is not ours needs ports that are known before', () => {
    const stock = { ...needed, DROVER_SERVER_KIND: 'stock', DROVER_REST_PORT: '8501' }

    expect(() => readConfig(stock)).toThrow('DROVER_GRPC_PORT')
    expect(readConfig({ ...stock, DROVER_GRPC_PORT: '8500' }).DROVER_SERVER_KIND).toBe('stock')
  })

  test('stay away from the model server, and credentials too', () => {
    const env = {
      PATH: '/bin',
      DROVER_REDIS_URL: 'redis://:secret@host',
      DROVER_LOG_LEVEL: 'warn',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }

    expect(modelServerEnv(env)).toEqual({
      PATH: `${dirname(process.execPath)}:/bin`,
      DROVER_LOG_LEVEL: 'warn',
    })
  })
})
