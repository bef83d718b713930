// Constants that are multiplied or added one after the other: TensorFlow takes them together first, so that
// other numbers come out. The fast engines come to the same, bit for bit, also where it does not.

import { attr, GraphBuilder } from '@drover/saved-model'
import { floatTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { BOOL, FLOAT, INT32 } from './sample-case.ts'
import { type Branches, bytesOf, constant, given, node } from './sample-conditions.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Tensors } from './servable.ts'

const { tensorflow, folder } = await startAround()

const X = floatTensor(Array.from({ length: 300 }, (_, at) => at + 1))
const CHAINS = 200
const LINKS_MAX = 9
const OPS = [
  ['Add', 'AddV2', 'Sub'],
  ['Mul', 'RealDiv', 'Div', 'Xdivy'],
]

/** What TensorFlow answers, and the fast engines, by their names. */
async function answersOf(
  bytes: Uint8Array,
  inputs: Tensors,
  engines: readonly ('fast' | 'onnx')[],
): Promise<{ expected: Tensors; answers: Record<string, Tensors> }> {
  const directory = await folder.add(bytes)
  const answerOf = async (engine: 'fast' | 'onnx' | 'tensorflow') => {
    const servable = await loadServable(directory, { engine, tensorflow })
    try {
      return [servable.engine, await servable.run('serving_default', inputs)] as const
    } finally {
      await servable.close()
    }
  }
  const [, expected] = await answerOf('tensorflow')
  const answers: [string, Tensors][] = []
  for (const engine of engines) answers.push([...(await answerOf(engine))])
  return { expected, answers: Object.fromEntries(answers) }
}

/** Numbers from 0 to 1, the same every time. */
function chances(): () => number {
  let state = 7
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >> 8) / 2 ** 23
  }
}

/** Chains by chance over `x`: what is answered of each. */
function addChains(to: GraphBuilder): readonly string[] {
  const chance = chances()
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(chance() * from.length)]
  return Array.from({ length: CHAINS }, (_, chain) => {
    let y = 'x'
    const ops = pick(OPS) ?? []
    const links = 2 + Math.floor(chance() * (LINKS_MAX - 1))
    for (let link = 0; link < links; link++) {
      const name = `${chain}/${link}`
      const op = pick(chance() < 0.1 ? OPS.flat() : ops) ?? ''
      const isFirst = chance() < 0.4 && op !== 'Xdivy' && op !== 'Div'
      const value = (chance() + 0.1) * (chance() < 0.2 ? -1 : 1)
      const shape = pick([[], [], [], [1], [2, 1]]) ?? []
      const values = Array.from({ length: shape[0] ?? 1 }, (_each, at) => value + at)
      const c = to.constant(`${name}/c`, floatTensor(values, shape))
      if (chance() < 0.1) y = to.add('Identity', `${name}/same`, [y], { T: FLOAT })
      y = to.add(op, name, isFirst ? [c, y] : [y, c], { T: FLOAT })
    }
    return y
  })
}

test('constants meet each other in the order in which TensorFlow takes them together', async () => {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT, shape: attr.shape([-1]) })
  const tops = addChains(to)
  const outputs = Object.fromEntries(tops.map((top) => [top, info(top, 'DT_FLOAT', 'unknown')]))
  const inputs = { x: info('x:0', 'DT_FLOAT') }
  const bytes = modelBytes(to, { serving_default: { inputs, outputs } })

  const { expected, answers } = await answersOf(bytes, { x: X }, ['onnx'])

  expect(answers).toEqual({ onnx: expected })
})

const PAIRS = ['AddV2', 'Sub', 'Mul']
const TREES = 150

/** Sums and products by chance of `x`, `z` and one constant or more; what is answered of each. */
function addTrees(to: GraphBuilder): readonly string[] {
  const chance = chances()
  let bounds = 0
  const pick = <E>(from: readonly E[]): E | undefined => from[Math.floor(chance() * from.length)]
  return Array.from({ length: TREES }, (_, tree) => {
    const op = PAIRS[tree % PAIRS.length] ?? ''
    const ops = op === 'Mul' ? ['Mul', 'RealDiv'] : ['AddV2', 'Sub']
    // Each has tensors of its own: of what is the same in two trees, there would be one.
    const own = (name: string, of: string): string => {
      const by = to.constant(`${tree}/${name}/by`, floatTensor([++bounds / 8], []))
      return to.add('Maximum', `${tree}/${name}`, [of, by], { T: FLOAT })
    }
    const inputs = [own('x', 'x'), own('z', 'z')]
    let y = to.add(op, `${tree}/pair`, chance() < 0.5 ? inputs : inputs.toReversed(), { T: FLOAT })
    for (let link = 0; link < 1 + Math.floor(chance() * 3); link++) {
      const name = `${tree}/${link}`
      if (link > 0 && chance() < 0.3)
        y = to.add(op, `${name}/pair`, [own(`${name}/own`, 'z'), y], { T: FLOAT })
      const c = to.constant(`${name}/c`, floatTensor([chance() + 0.1], pick([[], [1]])))
      const isFirst = chance() < 0.4
      y = to.add(pick(ops) ?? '', name, isFirst ? [c, y] : [y, c], { T: FLOAT })
    }
    return y
  })
}

test('constants go on to what is made of two tensors, in the order of their names', async () => {
  const to = new GraphBuilder()
  for (const name of ['x', 'z'])
    to.add('Placeholder', name, [], { dtype: FLOAT, shape: attr.shape([-1]) })
  const tops = addTrees(to)
  const outputs = Object.fromEntries(tops.map((top) => [top, info(top, 'DT_FLOAT', 'unknown')]))
  const inputs = { x: info('x:0', 'DT_FLOAT'), z: info('z:0', 'DT_FLOAT') }
  const bytes = modelBytes(to, { serving_default: { inputs, outputs } })
  const z = floatTensor(Array.from(X.values, (x) => 1000 / x))

  const { expected, answers } = await answersOf(bytes, { x: X, z }, ['onnx'])

  expect(answers).toEqual({ onnx: expected })
})

test.each<[string, (to: GraphBuilder) => string, number]>([
  // 1000 + (0.00001 - 1000), where (1000 - 1000) + 0.00001 was.
  ['of a difference', (to) => to.add('Sub', 'pair', ['x', 'c'], { T: FLOAT }), 0],
  [
    'that is taken twice',
    (to) => {
      const pair = to.add('Sub', 'pair', ['x', 'c'], { T: FLOAT })
      return to.add('AddV2', 'twice', [pair, pair], { T: FLOAT })
    },
    0.000_01,
  ],
])('a constant is lost beside a large number %s as TensorFlow loses it', async (_, pairOf, y) => {
  const to = new GraphBuilder()
  for (const name of ['x', 'c']) to.add('Placeholder', name, [], { dtype: FLOAT })
  to.constant('epsilon', floatTensor([0.000_01], []))
  to.add('AddV2', 'y', [pairOf(to), 'epsilon'], { T: FLOAT })
  const inputs = { x: info('x:0', 'DT_FLOAT'), c: info('c:0', 'DT_FLOAT') }
  const outputs = { y: info('y:0', 'DT_FLOAT') }
  const bytes = modelBytes(to, { serving_default: { inputs, outputs } })
  const x = floatTensor([1000])

  const { expected, answers } = await answersOf(bytes, { x, c: x }, ['fast', 'onnx'])

  expect(expected).toEqual({ y: floatTensor([y]) })
  expect(answers).toEqual({ kernel: expected, onnx: expected })
})

const [T, DOUBLE] = [{ T: FLOAT }, attr.type('DT_DOUBLE')]
const C = floatTensor([49], [])
const args = { x: 'DT_FLOAT', c: 'DT_FLOAT' } as const
const outputs = ['floor:y:0']
/** `x / c * c` by this constant. */
const within = (c: string) => [
  node('by', 'RealDiv', ['x', c]),
  node('product', 'Mul', ['by:z:0', c]),
  node('floor', 'Floor', ['product:z:0']),
]
const BRANCHES: Branches = {
  own: { args, outputs, nodes: [constant('d', C), ...within('d:output:0')] },
  given: { args, outputs, nodes: within('c') },
  product: {
    args,
    outputs,
    nodes: [node('product', 'Mul', ['x', 'c']), node('floor', 'Floor', ['product:z:0'])],
  },
  divided: { args, outputs: ['by:z:0'], nodes: [node('by', 'RealDiv', ['x', 'c'])] },
  nothing: { args, outputs: ['x'] },
}
const branch = (name: string, x: string) => (to: GraphBuilder) =>
  to.add('If', `if_${name}`, ['is', x, 'c'], {
    Tcond: BOOL,
    Tin: attr.types(Object.values(args)),
    Tout: attr.types(['DT_FLOAT']),
    then_branch: attr.function(name),
    else_branch: attr.function('nothing'),
  })
const product = (to: GraphBuilder, by = 'by', name = 'product'): string =>
  to.add('Floor', `${name}_floor`, [to.add('Mul', name, [by, 'c'], T)], T)
const again = (to: GraphBuilder) => to.add('RealDiv', 'again', ['x', 'c'], T)
const plus = (to: GraphBuilder, y: string, other: string): string =>
  to.add('AddV2', 'sum', [y, to.add('Mul', 'nothing', [other, 'zero'], T)], T)

/** What becomes of `x / 49 * 49`: nothing, a product with one divided by 49, or what is written. */
type Kind = 'together' | 'by product' | 'as written'

test.each<[string, Kind, (to: GraphBuilder) => string]>([
  ['nothing else', 'together', (to) => product(to)],
  [
    'nodes that do nothing',
    'together',
    (to) => product(to, to.add('StopGradient', 's', ['by'], T)),
  ],
  ['the same once more', 'together', (to) => plus(to, product(to), product(to, again(to), 'more'))],
  ['somebody else', 'by product', (to) => plus(to, product(to), 'by')],
  ['somebody else of the same', 'by product', (to) => plus(to, product(to), again(to))],
  [
    'who asks for its shape',
    'by product',
    (to) => {
      const shape = to.add('Shape', 'shape', ['by'], { T: FLOAT, out_type: INT32 })
      return to.add('Reshape', 'shaped', [product(to), shape], { T: FLOAT, Tshape: INT32 })
    },
  ],
  [
    'another type between',
    'by product',
    (to) => {
      const double = to.add('Cast', 'double', ['by'], { SrcT: FLOAT, DstT: DOUBLE })
      return product(to, to.add('Cast', 'single', [double], { SrcT: DOUBLE, DstT: FLOAT }))
    },
  ],
  ['a branch with a constant of its own', 'together', branch('own', 'x')],
  ['a branch that is given the constant', 'as written', branch('given', 'x')],
  ['a branch for the product', 'by product', branch('product', 'by')],
  ['a branch for the quotient', 'as written', (to) => product(to, branch('divided', 'x')(to))],
])('with %s, a chain is run %s', async (_, kind, build) => {
  const [c, inverse] = [Math.fround(49), Math.fround(1 / 49)]
  const kinds: Record<Kind, (x: number) => number> = {
    together: (x) => x,
    'by product': (x) => Math.floor(Math.fround(Math.fround(x * inverse) * c)),
    'as written': (x) => Math.floor(Math.fround(Math.fround(x / c) * c)),
  }
  const bytes = bytesOf({
    branches: BRANCHES,
    build: (to) => {
      to.constant('c', C)
      to.constant('zero', floatTensor([0], []))
      to.add('RealDiv', 'by', ['x', 'c'], T)
      to.add('Identity', 'y', [build(to)], T)
    },
  })

  const { expected, answers } = await answersOf(bytes, given({ x: X }), ['fast', 'onnx'])

  const y: Tensor = { ...X, values: X.values.map(kinds[kind]) }
  expect(expected).toEqual({ y })
  for (const [engine, answer] of Object.entries(answers))
    expect({ engine, answer }).toEqual({ engine, answer: { y } })
})

test('what one divided by a large constant is, too small for TensorFlow, is nothing', async () => {
  const bytes = bytesOf({
    branches: BRANCHES,
    build: (to) => {
      to.constant('large', floatTensor([1.2e38], []))
      to.add('RealDiv', 'by', [to.add('Exp', 'exp', ['x'], T), 'large'], T)
      to.add('Floor', 'y', ['by'], T)
    },
  })
  const inputs = given({ x: floatTensor([1, 88, 88.5, 1000]) })

  const { expected, answers } = await answersOf(bytes, inputs, ['fast', 'onnx'])

  expect(answers).toEqual({ kernel: expected, onnx: expected })
  expect(expected).toEqual({ y: floatTensor([0, 0, 0, Number.NaN]) })
})
