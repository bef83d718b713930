// Requests by alias, as TensorFlow takes them: by the names of the graph.

import type { SignatureDef, Tensor } from '@drover/serving-api'
import type { Engine, Tensors } from './servable.ts'
import type { HostedModel } from './tensorflow-host.ts'

/** A model in TensorFlow's process. */
export function hostedEngine(
  model: HostedModel,
  signatures: Readonly<Record<string, SignatureDef>>,
): Engine {
  return {
    name: 'tensorflow',
    async run(signature, inputs, { outputs, deadlineMs } = {}) {
      const { fed, wanted, answersOf } = callOf(signatures[signature], inputs, outputs)
      return answersOf(await model.run(fed, wanted, deadlineMs))
    },
    close: async () => await model.close(),
  }
}

/** A request in the graph's own names, and the way back. Only `outputs` are fetched, if there are any. */
export function callOf(
  signature: SignatureDef | undefined,
  inputs: Readonly<Tensors>,
  outputs?: readonly string[],
) {
  const fed = Object.entries(signature?.inputs ?? {}).flatMap(([alias, { name }]) => {
    const tensor = inputs[alias]
    return tensor === undefined ? [] : [{ name, tensor }]
  })
  const fetched = Object.entries(signature?.outputs ?? {}).filter(
    ([alias]) => outputs?.includes(alias) ?? true,
  )
  return {
    fed,
    wanted: fetched.map(([, { name }]) => name),
    answersOf: (answers: readonly Tensor[]): Tensors =>
      Object.fromEntries(answers.map((answer, index) => [fetched[index]?.[0] ?? '', answer])),
  }
}
