import { expect, test } from 'vitest'
import { type CommandLine, FLAGS, readCommandLine } from './command-line.ts'

const read = (...words: string[]): CommandLine => readCommandLine(words)

test('a flag that is not given has its default', () => {
  const { valueOf, isGiven } = read()

  expect(valueOf(FLAGS.port)).toBe(8_500)
  expect(isGiven(FLAGS.port)).toBe(false)
})

test('the last of two counts', () => {
  expect(read('--port=1', '--port=2').valueOf(FLAGS.port)).toBe(2)
})

test('a text is taken as it is, with every = of it', () => {
  const { valueOf } = read('--grpc_channel_arguments=a=1,b=2', '--model_name=')

  expect(valueOf(FLAGS.grpc_channel_arguments)).toBe('a=1,b=2')
  expect(valueOf(FLAGS.model_name)).toBe('')
})

const bools: [string, boolean][] = [
  ['--enable_profiler', true],
  ['--enable_profiler=true', true],
  ['--enable_profiler=false', false],
]
test.each(bools)('%s is %s', (word, value) => {
  expect(read(word).valueOf(FLAGS.enable_profiler)).toBe(value)
})

const numbers: [string, number][] = [
  ['--port=+5', 5],
  ['--port= 5', 5],
  ['--port=010', 10],
  ['--file_system_poll_wait_seconds=-1', -1],
]
test.each(numbers)('%s is %d', (word, value) => {
  const { valueOf, faults } = read(word)

  expect(faults).toEqual([])
  expect([valueOf(FLAGS.port), valueOf(FLAGS.file_system_poll_wait_seconds)]).toContain(value)
})

test('a fraction and an int64 are read', () => {
  const { valueOf } = read(
    '--per_process_gpu_memory_fraction=2.5e-1',
    '--load_retry_interval_micros=3000000000',
  )

  expect(valueOf(FLAGS.per_process_gpu_memory_fraction)).toBe(0.25)
  expect(valueOf(FLAGS.load_retry_interval_micros)).toBe(3_000_000_000)
})

const faults: [string, string][] = [
  ['--port=', "Couldn't interpret value  for flag port."],
  ['--port=abc', "Couldn't interpret value abc for flag port."],
  ['--port=8500x', "Couldn't interpret value 8500x for flag port."],
  ['--port=8500 ', "Couldn't interpret value 8500  for flag port."],
  ['--port=0x10', "Couldn't interpret value 0x10 for flag port."],
  ['--port=1.5', "Couldn't interpret value 1.5 for flag port."],
  ['--port=2147483648', "Couldn't interpret value 2147483648 for flag port."],
  ['--enable_batching=1', "Couldn't interpret value =1 for flag enable_batching."],
  ['--enable_batching=', "Couldn't interpret value = for flag enable_batching."],
  ['--enable_batching=True', "Couldn't interpret value =True for flag enable_batching."],
  [
    '--per_process_gpu_memory_fraction=half',
    "Couldn't interpret value half for flag per_process_gpu_memory_fraction.",
  ],
]
test.each(faults)('%s cannot be read', (word, fault) => {
  expect(read(word)).toMatchObject({ faults: [fault], known: [], unknown: [] })
})

test('every fault is told of', () => {
  expect(read('--port=a', '--model_name=x', '--port=b').faults).toHaveLength(2)
})

const unknown = [
  '--no_such_flag=1',
  '--no_such_flag',
  '--port',
  '8500',
  '-port=1',
  'port=1',
  '--noenable_batching',
  '--Port=1',
  '--=1',
  '--help',
  '',
]
test.each(unknown)('%j is an unknown argument', (word) => {
  expect(read('--port=1', word)).toMatchObject({ unknown: [word], known: ['--port=1'], faults: [] })
})

test('everything from -- on is unknown', () => {
  const line = read('stray', '--port=1', '--', '--port=2')

  expect(line.unknown).toEqual(['stray', '--', '--port=2'])
  expect(line.valueOf(FLAGS.port)).toBe(1)
})
