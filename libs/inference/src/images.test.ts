// Each operation on images on its own, against TensorFlow: one model with a signature for each case.

import { attr, GraphBuilder } from '@drover/saved-model'
import { compareAnswers, type SignatureDef, type Tensor, TOLERANCE } from '@drover/serving-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { startFolder } from './sample-folder.ts'
import { imageCases } from './sample-images.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Case } from './sample-slices.ts'
import type { Servable } from './servable.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const nameOf = ({ op }: Case, index: number): string => `${index}_${op}`
const inputsOf = ({ operands }: Case): Record<string, Tensor> =>
  Object.fromEntries(
    operands.flatMap((operand, index) => ('constant' in operand ? [] : [[`x${index}`, operand]])),
  )

function model(): Uint8Array {
  const builder = new GraphBuilder()
  const signatures: Record<string, Pick<SignatureDef, 'inputs' | 'outputs'>> = {}
  for (const [index, each] of imageCases.entries()) {
    const name = nameOf(each, index)
    const inputs: SignatureDef['inputs'] = {}
    const operands = each.operands.map((operand, at) => {
      const node = `${name}/x${at}`
      if ('constant' in operand) return builder.constant(node, operand.constant)
      // Channels are known, as they are in what Keras saves.
      const shape = operand.shape.map((size, axis) =>
        axis === operand.shape.length - 1 ? size : -1,
      )
      Object.assign(inputs, { [`x${at}`]: info(`${node}:0`, operand.dtype, shape) })
      return builder.add('Placeholder', node, [], { dtype: attr.type(operand.dtype) })
    })
    const y = builder.add(each.op, `${name}/y`, operands, each.attrs)
    signatures[name] = { inputs, outputs: { y: info(`${y}:0`, each.type, 'unknown') } }
  }
  return modelBytes(builder, signatures)
}

const tensorflow = startTensorflowHost()
const folder = await startFolder()
let truths: Servable
let onnx: Servable

beforeAll(async () => {
  const directory = await folder.add(model())
  truths = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  onnx = await loadServable(directory, { engine: 'onnx', tensorflow })
})

afterAll(async () => {
  await tensorflow[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test.each(imageCases.map((each, index) => [nameOf(each, index), each] as const))(
  '%s gives what TensorFlow gives',
  async (name, each) => {
    const inputs = inputsOf(each)
    const expected = await truths.run(name, inputs)

    const { agreement, reason } = compareAnswers(
      expected,
      await onnx.run(name, inputs),
      TOLERANCE.engines,
    )

    expect(reason ?? agreement).toBe('agrees')
  },
)
