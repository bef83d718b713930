import { describe, expect, test } from 'vitest'
import { floatTensor, type SignatureDef, stringTensor, type Tensor } from '../tensor.ts'
import { classify, type InferenceTask, type Inferring, multiInfer, regress } from './infer.ts'
import { writeClassifyAnswer, writeRegressAnswer } from './results-json.ts'

const info = (name: string, dtype: 'DT_FLOAT' | 'DT_STRING' = 'DT_FLOAT') =>
  ({ name, dtype, shape: [-1, 1] }) as const

const inputs = { inputs: info('tf_example:0', 'DT_STRING') }
const signatures: Record<string, SignatureDef> = {
  serving_default: {
    methodName: 'tensorflow/serving/predict',
    inputs: { x: info('x:0') },
    outputs: { y: info('y:0') },
  },
  classify: {
    methodName: 'tensorflow/serving/classify',
    inputs,
    outputs: { classes: info('classes:0', 'DT_STRING'), scores: info('scores:0') },
  },
  scores: {
    methodName: 'tensorflow/serving/classify',
    inputs,
    outputs: { scores: info('scores:0') },
  },
  regress: { methodName: 'tensorflow/serving/regress', inputs, outputs: { outputs: info('y:0') } },
}

const examples = [Uint8Array.of(10, 0), Uint8Array.of(10, 0)]

/** A model whose every signature answers this. */
function modelOf(outputs: Record<string, Tensor>, options: Partial<Inferring> = {}) {
  const asked: unknown[] = []
  const model: Inferring = {
    signatures,
    run: (call) => {
      asked.push(call)
      return outputs
    },
    ...options,
  }
  return { model, asked }
}

const errorOf = async (answer: Promise<unknown>): Promise<unknown> =>
  await answer.catch((error: unknown) => error)

const classes = stringTensor(['car', 'bike', 'bus', 'é'], [2, 2])
const scores = floatTensor([0.1, 0.9, 0, 1], [2, 2])

describe('classify', () => {
  test('asks for the outputs it needs and pairs labels with scores', async () => {
    const { model, asked } = modelOf({ classes, scores })

    const result = await classify(model, { signatureName: 'classify', examples })

    expect(asked).toEqual([
      {
        signature: 'classify',
        inputs: { inputs: { dtype: 'DT_STRING', shape: [2], values: examples } },
        outputs: ['classes', 'scores'],
      },
    ])
    expect(writeClassifyAnswer(result).toString()).toBe(
      '{\n    "results": [[["car", 0.1], ["bike", 0.9]], [["bus", 0.0], ["é", 1.0]]\n    ]\n}',
    )
  })

  test('case 14: scores alone have empty labels', async () => {
    const { model } = modelOf({ scores: floatTensor([12], [1, 1]) })

    const result = await classify(model, { signatureName: 'scores', examples: examples.slice(1) })

    expect(writeClassifyAnswer(result).toString()).toBe('{\n    "results": [[["", 12.0]]\n    ]\n}')
  })

  test.each<[string, Record<string, Tensor>, string]>([
    [
      'no matrix',
      { classes, scores: floatTensor([1, 2]) },
      'Expected Tensor shape: [batch_size num_classes] but got [2]',
    ],
    [
      'classes that are no text',
      { classes: scores, scores },
      'Expected classes Tensor of DT_STRING. Got: DT_FLOAT',
    ],
    [
      'scores that are text',
      { classes, scores: classes },
      'Expected scores Tensor of DT_FLOAT. Got: DT_STRING',
    ],
    [
      'another batch',
      { classes, scores: floatTensor([1], [1, 1]) },
      'Expected scores output batch size of 2. Got: 1',
    ],
    [
      'a label without a score',
      { classes, scores: floatTensor([1, 2], [2, 1]) },
      'Tensors class and score should match in dim_size(1). Got 2 vs. 1',
    ],
    ['an output missing', { scores }, 'Expected 2 output tensor(s).  Got: 1'],
  ])('refuses %s', async (_name, outputs, message) => {
    const { model } = modelOf(outputs)

    const error = await errorOf(classify(model, { signatureName: 'classify', examples }))

    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message })
  })

  test('refuses signatures that are no classifiers, before it runs anything', async () => {
    const { model, asked } = modelOf({})
    const ask = async (signature: Partial<SignatureDef> | undefined) =>
      await errorOf(
        classify(
          {
            ...model,
            signatures: signature
              ? { s: { methodName: '', inputs, outputs: {}, ...signature } }
              : {},
          },
          { signatureName: 's', examples },
        ),
      )

    expect(await ask(undefined)).toMatchObject({
      message: 'No signature was found with the name: s',
    })
    expect(await ask({ inputs: {} })).toMatchObject({ message: 'Expected one input Tensor.' })
    expect(await ask({})).toMatchObject({ message: 'Expected one or two output Tensors, found 0' })
    expect(
      await ask({ inputs: { x: info('x:0') }, outputs: { scores: info('s:0') } }),
    ).toMatchObject({
      message:
        'No classification inputs found in SignatureDef: inputs {\n  key: "x"\n  value {\n    ' +
        'name: "x:0"\n    dtype: DT_FLOAT\n    tensor_shape {\n      dim {\n        size: -1\n' +
        '      }\n      dim {\n        size: 1\n      }\n    }\n  }\n}\noutputs {\n  key: "scores"\n' +
        '  value {\n    name: "s:0"\n    dtype: DT_FLOAT\n    tensor_shape {\n      dim {\n' +
        '        size: -1\n      }\n      dim {\n        size: 1\n      }\n    }\n  }\n}\n',
    })
    expect(await ask({ outputs: { y: info('y:0') } })).toMatchObject({
      message: expect.stringMatching(
        /^Expected classification signature outputs to contain at least one of "classes" or "scores"\. Signature was: inputs \{/,
      ),
    })
    expect(asked).toEqual([])
  })

  test('heeds the method only where it is told to', async () => {
    const strict = modelOf({ scores }, { checkMethodName: true })
    const other = { ...signatures, regress: { ...signatures['scores'], methodName: 'other' } }

    expect(
      await errorOf(
        classify(
          { ...strict.model, signatures: Object.assign({}, signatures, other) },
          { signatureName: 'regress', examples },
        ),
      ),
    ).toMatchObject({
      message:
        'Expected classification signature method_name to be tensorflow/serving/classify. Was: other',
    })
    expect(await classify(strict.model, { signatureName: 'scores', examples })).toMatchObject({
      classes: 2,
    })
  })

  test('case 112: no examples are no input', async () => {
    const { model } = modelOf({ scores })

    expect(await errorOf(classify(model, { signatureName: 'scores', examples: [] }))).toMatchObject(
      { code: 'INVALID_ARGUMENT', message: 'Input is empty.' },
    )
  })
})

describe('regress', () => {
  test.each([
    ['a vector', [2]],
    ['a column', [2, 1]],
  ])('takes %s', async (_name, shape) => {
    const { model } = modelOf({ outputs: floatTensor([3.5, 4], shape) })

    const result = await regress(model, { signatureName: 'regress', examples })

    expect(writeRegressAnswer(result).toString()).toBe('{\n    "results": [3.5, 4.0]\n}')
  })

  test.each<[string, Tensor, string]>([
    [
      'a matrix',
      floatTensor([1, 2, 3, 4], [2, 2]),
      'Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]',
    ],
    [
      'another batch',
      floatTensor([1]),
      'Input batch size did not match output batch size: 2 vs. 1',
    ],
    ['text', stringTensor(['a', 'b']), 'Expected output Tensor of DT_FLOAT.  Got: DT_STRING'],
  ])('refuses %s', async (_name, outputs, message) => {
    const { model } = modelOf({ outputs })

    const error = await errorOf(regress(model, { signatureName: 'regress', examples }))

    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message })
  })

  test('refuses a signature without a default, of other outputs or of several', async () => {
    const { model } = modelOf({})
    const ask = async (signature: SignatureDef) =>
      await errorOf(
        regress(
          { ...model, signatures: { serving_default: signature } },
          { signatureName: '', examples },
        ),
      )

    expect(await ask({ methodName: '', inputs, outputs: {} })).toMatchObject({
      message: 'Expected one output Tensor.',
    })
    expect(await ask({ methodName: '', inputs, outputs: { y: info('y:0') } })).toMatchObject({
      message: expect.stringMatching(/^No regression outputs found in SignatureDef: inputs \{/),
    })
  })
})

const task = (signatureName: string, kind = 'classify', name = 'm'): InferenceTask => ({
  spec: { name, signatureName },
  methodName: `tensorflow/serving/${kind}`,
})

describe('several at once', () => {
  test('are answered in their order', async () => {
    const { model } = modelOf({ classes, scores, outputs: floatTensor([1, 2]) })

    const results = await multiInfer(model, {
      tasks: [task('regress', 'regress'), task('classify')],
      examples,
    })

    expect(results).toMatchObject([
      { kind: 'regress', signatureName: 'regress', regressions: Float32Array.of(1, 2) },
      { kind: 'classify', signatureName: 'classify', classifications: { classes: 2 } },
    ])
  })

  test.each<[string, InferenceTask[], string, string]>([
    [
      'no name',
      [task('classify', 'classify', '')],
      'INVALID_ARGUMENT',
      'Found ModelSpec with an empty model name.',
    ],
    [
      'two models',
      [task('classify'), task('regress', 'regress', 'n')],
      'INVALID_ARGUMENT',
      'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
    ],
    [
      'one signature twice',
      [task('classify'), task('classify')],
      'INVALID_ARGUMENT',
      'Duplicate evaluation of signature: classify',
    ],
    [
      'an unknown signature',
      [task('s')],
      'INVALID_ARGUMENT',
      'Requested signature not found in model graph: s',
    ],
    [
      'an unknown method',
      [task('classify', 'predict')],
      'UNIMPLEMENTED',
      'Unsupported signature method_name: tensorflow/serving/predict',
    ],
    ['a signature that does not fit', [task('')], 'INVALID_ARGUMENT', 'No classification inputs'],
  ])('refuse %s, before anything is run', async (_name, tasks, code, message) => {
    const { model, asked } = modelOf({ classes, scores })

    expect(await errorOf(multiInfer(model, { tasks, examples }))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
    expect(asked).toEqual([])
  })
})
