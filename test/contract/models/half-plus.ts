// Upstream's own test models, built anew by arithmetic, and one whose classes have names.

import { attr, GraphBuilder, PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import { floatTensor, type SignatureDef, stringTensor, type TensorInfo } from '@drover/serving-api'
import { FLOAT, info, parseExamples } from './graphs.ts'

const CLASSIFY_METHOD = 'tensorflow/serving/classify'
const REGRESS_METHOD = 'tensorflow/serving/regress'

/** `0.5 input + plus`. */
function halfOf(graph: GraphBuilder, name: string, input: string, plus: number): string {
  const half = graph.constant(`${name}_half`, floatTensor([0.5], []))
  const more = graph.constant(`${name}_plus`, floatTensor([plus], []))
  return graph.add(
    'AddV2',
    name,
    [graph.add('Mul', `${name}_mul`, [input, half], FLOAT), more],
    FLOAT,
  )
}

const column = (node: string): TensorInfo => info(node, 'DT_FLOAT', [-1, 1])
const examples = (node: string): TensorInfo => info(node, 'DT_STRING', [-1])

/** Upstream's `saved_model_half_plus_two`: y = 0.5 x + 2, y2 = 0.5 x + 3, y3 = 0.5 x2 + 3. */
export function halfPlusTwo(): Uint8Array {
  const graph = new GraphBuilder()
  const { serialized, x, x2 } = parseExamples(graph)
  const y = halfOf(graph, 'y', x, 2)
  const y2 = halfOf(graph, 'y2', x, 3)
  const y3 = halfOf(graph, 'y3', x2, 3)
  const inputs = { inputs: examples(serialized) }
  const regress = (output: string): SignatureDef => ({
    methodName: REGRESS_METHOD,
    inputs,
    outputs: { outputs: column(output) },
  })
  return writeSavedModel({
    graph: graph.build(),
    signatures: {
      regress_x_to_y: regress(y),
      regress_x_to_y2: regress(y2),
      regress_x2_to_y3: { ...regress(y3), inputs: { inputs: column(x2) } },
      classify_x_to_y: { methodName: CLASSIFY_METHOD, inputs, outputs: { scores: column(y) } },
      classify_x2_to_y3: {
        methodName: CLASSIFY_METHOD,
        inputs: { inputs: column(x2) },
        outputs: { scores: column(y3) },
      },
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: column(x) },
        outputs: { y: column(y) },
      },
    },
  })
}

/** Upstream's `saved_model_half_plus_three`: y = 0.5 x + 3; its regression has the name of its method. */
export function halfPlusThree(): Uint8Array {
  const graph = new GraphBuilder()
  const { serialized, x } = parseExamples(graph)
  const y = halfOf(graph, 'y', x, 3)
  return writeSavedModel({
    graph: graph.build(),
    signatures: {
      [REGRESS_METHOD]: {
        methodName: REGRESS_METHOD,
        inputs: { inputs: examples(serialized) },
        outputs: { outputs: column(y) },
      },
      serving_default: {
        methodName: PREDICT_METHOD,
        inputs: { x: column(x) },
        outputs: { y: column(y) },
      },
    },
  })
}

/** Classifies by two scores that a constant names: `classes` are `low` and `high`. */
export function twoClasses(): Uint8Array {
  const graph = new GraphBuilder()
  const { serialized, x } = parseExamples(graph)
  const minus = graph.constant('minus', floatTensor([-1, 1], [1, 2]))
  const scores = graph.add('Mul', 'scores', [x, minus], FLOAT)
  const names = graph.constant('names_of_classes', stringTensor(['low', 'high'], [1, 2]))
  const rows = graph.add('Shape', 'shape', [x], { ...FLOAT, out_type: attr.type('DT_INT32') })
  const classes = graph.add('Tile', 'classes', [names, rows], {
    T: attr.type('DT_STRING'),
    Tmultiples: attr.type('DT_INT32'),
  })
  return writeSavedModel({
    graph: graph.build(),
    signatures: {
      serving_default: {
        methodName: CLASSIFY_METHOD,
        inputs: { inputs: examples(serialized) },
        outputs: {
          classes: info(classes, 'DT_STRING', [-1, 2]),
          scores: info(scores, 'DT_FLOAT', [-1, 2]),
        },
      },
    },
  })
}
