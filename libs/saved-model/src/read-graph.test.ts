import { describe, expect, test } from 'vitest'
import { Budget } from './budget.ts'
import { readGraph } from './read-graph.ts'
import { readSavedModel } from './read.ts'
import { calledBy } from './state.ts'
import { WireWriter } from './wire.ts'

const text = (number: number, value: string) => new WireWriter().bytes(number, value)
const message = (number: number, value: WireWriter) => new WireWriter().message(number, value)

const twiceIn = (one: WireWriter, number: number) => one.message(number, new WireWriter())

/** A function by its name, with attributes of its own. */
const named = (name: string, ...attrs: WireWriter[]) => {
  const writer = text(1, name)
  for (const value of attrs) writer.message(2, text(1, 'key').message(2, value))
  return writer
}
const nodeWith = (value: WireWriter) =>
  message(1, text(1, 'call').bytes(2, 'PartitionedCall').message(5, text(1, 'f').message(2, value)))
const read = (graph: WireWriter) => readGraph(graph.finish(), new Budget(1_000))
const calledOf = (value: WireWriter) => read(nodeWith(value)).nodes.flatMap(calledBy)

test('functions that are given to a function are known, also in lists', () => {
  const inner = message(10, named('inner'))
  const list = message(1, message(9, named('listed', inner)))

  expect(calledOf(message(10, named('outer', inner, list)))).toEqual([
    'PartitionedCall',
    'outer',
    'inner',
    'listed',
    'inner',
  ])
  expect(calledOf(message(1, message(9, named('outer', inner))))).toEqual([
    'PartitionedCall',
    'outer',
    'inner',
  ])
})

test('functions in functions without end are too deep', () => {
  let value = named('last')
  for (let depth = 0; depth < 200; depth++) value = named('f', message(10, value))

  expect(() => calledOf(message(10, value))).toThrow('over 100 deep')
})

describe('what protobuf would join is refused, as it could hide one part:', () => {
  const library = message(2, message(1, message(1, text(1, 'f'))))

  test.each([
    ['an attribute', nodeWith(twiceIn(message(10, named('f')), 10)), 'the value of an attribute'],
    [
      'the value of a map',
      message(1, text(1, 'n').message(5, text(1, 'f').bytes(2, '').bytes(2, ''))),
      'the value of a map',
    ],
    [
      'the key of a map',
      message(1, text(1, 'n').message(5, text(1, 'f').bytes(1, 'g').bytes(2, ''))),
      'the key of a map',
    ],
    ['the library', twiceIn(library, 2), 'the library of functions'],
    [
      'the signature of a function',
      message(2, message(1, twiceIn(message(1, text(1, 'f')), 1))),
      'the signature of a function',
    ],
    [
      'a function',
      message(2, message(1, message(1, text(1, 'f'))).message(1, message(1, text(1, 'f')))),
      'the function f',
    ],
  ])('%s', (_name, graph, what) => {
    expect(() => read(graph)).toThrow(`${what} is written twice`)
  })

  test.each([
    [2, 'the graph'],
    [3, 'the saver'],
  ])('field %i of the whole', (number, what) => {
    const metaGraph = message(1, text(4, 'serve'))
    metaGraph.message(number, new WireWriter()).message(number, new WireWriter())

    expect(() => readSavedModel(message(2, metaGraph).finish())).toThrow(`${what} is written twice`)
  })
})

test('of a name that is written twice the last one counts, as for TensorFlow', () => {
  const graph = nodeWith(message(10, text(1, 'harmless').bytes(1, 'evil')))

  expect(read(graph).nodes.flatMap(calledBy)).toContain('evil')
})

describe('what TensorFlow would read as another operation is refused:', () => {
  const node = text(1, 'n').bytes(2, 'ReadFile')

  test.each([
    [
      'a field in eight bytes',
      Buffer.from('\x11Identity'),
      'field 2 is on the wire as 1, not as 2',
    ],
    ['a field in four bytes', Buffer.from('\x15Relu'), 'field 2 is on the wire as 5, not as 2'],
    [
      // 2 ** 29 + 2, of which TensorFlow takes the lower 29 bits.
      'the number of a field that is too large',
      Buffer.concat([Buffer.of(0x92, 0x80, 0x80, 0x80, 0x10, 8), Buffer.from('ReadFile')]),
      'a field has the number 536870914',
    ],
  ])('%s', (_name, bytes, why) => {
    expect(() => read(message(1, new WireWriter().raw(node.finish()).raw(bytes)))).toThrow(why)
  })
})

test('functions in a list are known whatever stands beside them', () => {
  const list = message(9, named('listed')).varint(77, 1)

  expect(calledOf(message(1, list))).toEqual(['PartitionedCall', 'listed'])
})

test('a function says what it implements, calls by default, and whether its arguments are lists', () => {
  const listed = text(1, 'args').bytes(6, 'types')
  const byDefault = text(1, 'f').message(3, message(10, named('hidden')))
  const signature = text(1, 'own').message(2, listed).message(4, byDefault)
  const api = text(1, 'api_implements').message(2, text(2, 'lstm'))
  const whole = message(1, signature).message(5, api)

  expect(read(message(2, message(1, whole))).functions?.get('own')).toMatchObject({
    inputs: ['args'],
    hasLists: true,
    also: ['hidden'],
    implements: 'lstm',
  })
})
