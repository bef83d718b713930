import { describe, expect, test } from 'vitest'
import { floatTensor, type SignatureDef, type Tensor } from '../tensor.ts'
import { findPredictSignature, fitPredict, type FitOptions } from './predict-fit.ts'

const info = (name: string) => ({ name, dtype: 'DT_FLOAT', shape: [-1] }) as const
const half: SignatureDef = {
  methodName: 'tensorflow/serving/predict',
  inputs: { x: info('x:0') },
  outputs: { y: info('y:0'), z: info('z:0') },
}
const tensor: Tensor = floatTensor([1])

function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

const fault = (
  signature: SignatureDef,
  request: { aliases?: string[]; faults?: string[]; outputFilter?: string[] },
  options?: FitOptions,
): unknown =>
  errorOf(() =>
    fitPredict(
      signature,
      {
        inputs: Object.fromEntries((request.aliases ?? ['x']).map((alias) => [alias, tensor])),
        faults: new Set(request.faults),
        outputFilter: request.outputFilter ?? [],
      },
      options,
    ),
  )

test('a request that fits asks for all outputs, or for those it names', () => {
  expect(fitPredict(half, { inputs: { x: tensor } })).toEqual({
    inputs: { x: tensor },
    outputs: undefined,
  })
  expect(fitPredict(half, { inputs: { x: tensor }, outputFilter: ['z'] }).outputs).toEqual(['z'])
})

test('an unknown signature is no invalid argument', () => {
  expect(errorOf(() => findPredictSignature({ a: half }, 'toString'))).toMatchObject({
    code: 'FAILED_PRECONDITION',
    message: 'Serving signature key "toString" not found.',
  })
})

describe('what does not fit is told in upstream words', () => {
  test.each([
    [
      'case 106: unknown inputs',
      { aliases: ['unknown_key2', 'unknown_key1'] },
      'input size does not match signature: 2!=1 len({unknown_key1,unknown_key2}) != len({x}). ' +
        'Sent extra: {unknown_key1,unknown_key2}. Missing but required: {x}.',
    ],
    [
      'no input',
      { aliases: [] },
      'input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. ' +
        'Missing but required: {x}.',
    ],
    [
      'another name',
      { aliases: ['key'] },
      'Signature input alias: x(feed name: x:0) not found in request and no default value ' +
        'provided. Inputs expected to be in the request {key}, or default input alias set: ',
    ],
    ['no tensor', { aliases: [], faults: ['x'] }, 'tensor parsing error: x'],
    [
      'case 107: an unknown output',
      { outputFilter: ['o'] },
      'output tensor alias not found in signature: o Outputs expected to be in the set {y,z}.',
    ],
    ['case 107: an output twice', { outputFilter: ['y', 'y'] }, 'duplicate output tensor alias: y'],
  ])('%s', (_name, request, message) => {
    expect(fault(half, request)).toMatchObject({ code: 'INVALID_ARGUMENT', message })
  })

  test('the number of inputs comes before what is in them', () => {
    expect(fault(half, { aliases: ['x'], faults: ['w'] })).toMatchObject({
      message: expect.stringContaining('Sent extra: {w}'),
    })
  })
})

describe('defaults', () => {
  const two: SignatureDef = {
    ...half,
    inputs: { x: info('x:0'), k: info('k:0') },
    defaults: { k: floatTensor([9]) },
  }

  test('stand in for what is left out', () => {
    expect(fitPredict(two, { inputs: { x: tensor } }).inputs).toEqual({
      x: tensor,
      k: floatTensor([9]),
    })
    expect(fitPredict(two, { inputs: { x: tensor, k: tensor } }).inputs['k']).toBe(tensor)
  })

  test('do not stand in for what has none', () => {
    expect(fault(two, { aliases: ['k'] })).toMatchObject({
      message:
        'Signature input alias: x(feed name: x:0) not found in request and no default value ' +
        'provided. Inputs expected to be in the request {k}, or default input alias set: k',
    })
  })

  test('do not hide a wrong name', () => {
    expect(fault(two, { aliases: ['x', 'other'] })).toMatchObject({
      message: 'Inputs contains invalid name. Used request inputs: x, request input: other,x',
    })
  })
})

test('with the check of method names, a signature of another kind is refused', () => {
  const other = { ...half, methodName: 'other' }

  expect(fault(other, {})).toMatchObject({ outputs: undefined })
  expect(fault(other, {}, { checkMethodName: true })).toMatchObject({
    code: 'INTERNAL',
    message: expect.stringMatching(/^Expected prediction signature .* Was: other$/),
  })
})
