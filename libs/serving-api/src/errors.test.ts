import { expect, test } from 'vitest'
import { Code } from './generated/tensorflow/core/protobuf/error_codes_pb.ts'
import { grpcCodeOf, grpcMessage, StatusCode } from './errors.ts'

const isCode = (name: string): name is StatusCode => name in StatusCode

test('the codes have the numbers of error_codes.proto', () => {
  const codes = Object.keys(StatusCode).filter(isCode)

  expect(Object.fromEntries(codes.map((code) => [code, grpcCodeOf(code)]))).toEqual(
    Object.fromEntries(codes.map((code) => [code, Code[code]])),
  )
})

test('a message of 1,024 bytes is left as it is and a longer one is cut', () => {
  const most = 'x'.repeat(1_024)

  expect(grpcMessage(most)).toBe(most)
  expect(grpcMessage(`${most}y`)).toBe(`${most}...TRUNCATED`)
})

test('a message is not cut within a character', () => {
  const text = `${'x'.repeat(1_023)}üü`

  expect(grpcMessage(text)).toBe(`${'x'.repeat(1_023)}...TRUNCATED`)
})
