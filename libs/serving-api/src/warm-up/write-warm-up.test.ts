import { expect, test } from 'vitest'
import { encodeExample } from '../examples/example-bytes.ts'
import { floatTensor, stringTensor } from '../tensor.ts'
import { decodePredictionLog } from './prediction-log.ts'
import { readTfRecords, writeTfRecords } from './tf-records.ts'
import { writeWarmUp } from './write-warm-up.ts'

test('records are written as TensorFlow writes them', () => {
  const file = writeTfRecords([Buffer.from('hello'), new Uint8Array()])

  // As TensorFlow 2.20 wrote them.
  expect(Buffer.from(file).toString('hex')).toBe(
    '0500000000000000eab2043e68656c6c6fbb1f1c19000000000000000029039807d8ea82a2',
  )
})

test('requests are read again as they were written', () => {
  const inputs = { x: floatTensor([1, 2], [1, 2]), name: stringTensor(['größe']) }
  const example = new Uint8Array(encodeExample(new Map([['x', { kind: 'float', values: [1.5] }]])))
  const to = { model: 'late', signature: 'main' }
  const file = writeWarmUp([
    { kind: 'predict', ...to, inputs },
    { kind: 'classify', ...to, examples: [example] },
    { kind: 'regress', ...to, examples: [] },
  ])

  const read = Array.from(readTfRecords(file), decodePredictionLog)

  const spec = { name: 'late', signatureName: 'main' }
  expect(read).toMatchObject([
    { kind: 'predict', request: { spec, inputs } },
    { kind: 'classify', request: { spec, examples: [example] } },
    { kind: 'regress', request: { spec } },
  ])
})
