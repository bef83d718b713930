import { expect, test } from 'vitest'
import { pythonFunctionsIn } from './python-functions.ts'
import { savedModelOfText } from './text-format/index.ts'
import { WireWriter } from './wire.ts'

/** A model with these objects in Python; Python's own are compared by `test/contract/inspect-functions.slow.test.ts`. */
const modelOf = (objects: string): Uint8Array =>
  savedModelOfText(
    Buffer.from(`meta_graphs { meta_info_def { tags: "serve" } object_graph_def { ${objects} } }`),
  )

const child = (name: string, id: number): string =>
  `children { local_name: "${name}" node_id: ${id} }`

test('functions are attributes of the first object, by name', () => {
  const model = modelOf(`
    nodes { ${child('one', 2)} ${child('other', 1)} ${child('again', 2)} user_object {} }
    nodes { variable {} }
    nodes { function { concrete_functions: "traced" } }
    nodes { function { concrete_functions: "of another object" } }
    concrete_functions { key: "traced" value { canonicalized_input_signature { tuple_value {
      values { tuple_value { values { int64_value: -3 } values { float64_value: 0.5 } } }
      values { dict_value { fields { key: "size" value { none_value {} } } } }
    } } } }`)

  const args = [
    { kind: 'int', value: '-3' },
    { kind: 'float', value: 0.5 },
  ]
  expect(pythonFunctionsIn(model)).toEqual(
    ['again', 'one'].map((name) => ({ name, options: [{ args, named: ['size'] }] })),
  )
})

test('a model of TensorFlow 1 has no objects of Python', () => {
  const model = savedModelOfText(Buffer.from('meta_graphs { meta_info_def { tags: "serve" } }'))

  expect(pythonFunctionsIn(model)).toBeUndefined()
})

const message = (number: number, inner: WireWriter) => new WireWriter().message(number, inner)

const withObjects = (objects: WireWriter): Uint8Array =>
  message(2, message(1, new WireWriter().bytes(4, 'serve')).message(7, objects)).finish()

test('more objects than any model has are refused', () => {
  const empty = new Uint8Array(3_000_000).map((_, index) => (index % 2 === 0 ? 10 : 0))

  expect(() => pythonFunctionsIn(withObjects(new WireWriter().raw(empty)))).toThrow('more objects')
})

const nested = (depth: number): Uint8Array => {
  let value = message(1, new WireWriter())
  for (let at = 0; at < depth; at++) value = message(51, message(1, value))
  const objects = message(1, message(1, new WireWriter().varint(1, 1).bytes(2, 'f')))
    .message(1, message(6, new WireWriter().bytes(1, 'traced')))
    .message(2, new WireWriter().bytes(1, 'traced').message(2, message(3, value)))
  return withObjects(objects)
}

test('lists too deep in each other are refused', () => {
  expect(pythonFunctionsIn(nested(40))).toHaveLength(1)
  expect(() => pythonFunctionsIn(nested(60))).toThrow('more values in each other')
})
