import { attr, type GraphBuilder } from '@drover/saved-model'
import { stringTensor, type TensorInfo } from '@drover/serving-api'

export const FLOAT = attr.type('DT_FLOAT')

/** Adds what every classifier answers: `scores` of each class, and the `label` of the best. */
export function addAnswer(
  graph: GraphBuilder,
  logits: string,
  labels: readonly string[],
): Record<string, TensorInfo> {
  const integer = (name: string, value: number): string =>
    graph.constant(name, { dtype: 'DT_INT32', shape: [], values: Int32Array.of(value) })
  const scores = graph.add('Softmax', 'scores', [logits], { T: FLOAT })
  const best = graph.add('ArgMax', 'best', [scores, integer('axis/classes', 1)], {
    T: FLOAT,
    Tidx: attr.type('DT_INT32'),
    output_type: attr.type('DT_INT64'),
  })
  const names = graph.constant('labels', stringTensor(labels))
  const label = graph.add('GatherV2', 'label', [names, best, integer('axis/labels', 0)], {
    Tparams: attr.type('DT_STRING'),
    Tindices: attr.type('DT_INT64'),
    Taxis: attr.type('DT_INT32'),
    batch_dims: attr.int(0),
  })
  return {
    scores: { name: `${scores}:0`, dtype: 'DT_FLOAT', shape: [-1, labels.length] },
    label: { name: `${label}:0`, dtype: 'DT_STRING', shape: [-1] },
  }
}
