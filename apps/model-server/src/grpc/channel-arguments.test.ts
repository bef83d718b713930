import { describe, expect, test } from 'vitest'
import { readChannelArguments } from './channel-arguments.ts'
import { parseTimeout } from './deadline.ts'

describe('readChannelArguments', () => {
  test('takes those that mean something here', () => {
    const given = {
      'grpc.max_connection_age_ms': 5_000,
      'grpc.max_connection_age_grace_ms': 0,
      'grpc.max_concurrent_streams': 7,
      'grpc.max_receive_message_length': 1_024,
    }

    expect(readChannelArguments(given)).toEqual({
      known: {
        maxConnectionAgeMs: 5_000,
        maxConnectionAgeGraceMs: 0,
        maxConcurrentStreams: 7,
        maxReceiveMessageLength: 1_024,
      },
      ignored: [],
    })
  })

  test('names those that do not', () => {
    const given = { 'grpc.lb_policy_name': 'x', constructor: 1, 'grpc.keepalive_time_ms': 'soon' }

    expect(readChannelArguments(given)).toEqual({ known: {}, ignored: Object.keys(given) })
    expect(readChannelArguments({ 'grpc.max_connection_age_ms': -5 }).ignored).toHaveLength(1)
  })

  test('limits nothing where gRPC would not', () => {
    const given = {
      'grpc.max_connection_idle_ms': 2 ** 31 - 1,
      'grpc.max_receive_message_length': -1,
    }

    expect(readChannelArguments(given)).toEqual({ known: {}, ignored: [] })
  })
})

describe('parseTimeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['99999999S', 99_999_999_000],
    ['20m', 20],
    ['1500u', 1.5],
    ['0n', 0],
  ])('%s is %d ms', (header, ms) => {
    expect(parseTimeout(header)).toBe(ms)
  })

  test.each(['', '5', 'S', '-1S', '1s', '123456789S', '1 S', '1.5S'])(
    '"%s" says nothing',
    (header) => {
      expect(parseTimeout(header)).toBeUndefined()
    },
  )
})
