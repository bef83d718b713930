import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  attr,
  GraphBuilder,
  PREDICT_METHOD,
  VariableBuilder,
  writeSavedModel,
} from '@drover/saved-model'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliError, makeOutput } from '../output.ts'
import { inspectCommand } from './inspect.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-inspect-'))
})
afterEach(async () => await rm(directory, { recursive: true }))

const FLOAT = attr.type('DT_FLOAT')
const info = (name: string, shape?: number[]) => ({ name, dtype: 'DT_FLOAT', shape }) as const

/** A model that answers `x` with `y`, which an operation makes of it. */
async function write(op: string): Promise<void> {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT })
  to.add(op, 'y', ['x'], { T: FLOAT })
  const signature = {
    methodName: PREDICT_METHOD,
    inputs: { x: info('x:0', [-1, 3]) },
    outputs: { y: info('y:0') },
  }
  const bytes = writeSavedModel({ graph: to.build(), signatures: { serving_default: signature } })
  await writeFile(join(directory, 'saved_model.pb'), bytes)
}

/** What is printed, what it is as JSON, and what is said of a model that nothing may run. */
async function inspect() {
  let printed: { lines: readonly string[]; value: object } | undefined
  const refusal = await inspectCommand(
    {
      ...makeOutput(false),
      result: (value, lines) => {
        printed = { value, lines }
      },
    },
    directory,
  ).catch((error: unknown) => {
    if (!(error instanceof CliError) || printed === undefined) throw error
    return error
  })
  if (printed === undefined) throw new Error('nothing was printed')
  return { ...printed, ...(refusal !== undefined && { refusal }) }
}

test('a model is shown as saved_model_cli shows it, with what would run it', async () => {
  await write('Relu')

  const { lines } = await inspect()

  expect(lines).toEqual([
    '',
    "MetaGraphDef with tag-set: 'serve' contains the following SignatureDefs:",
    '',
    "signature_def['serving_default']:",
    '  The given SavedModel SignatureDef contains the following input(s):',
    "    inputs['x'] tensor_info:",
    '        dtype: DT_FLOAT',
    '        shape: (-1, 3)',
    '        name: x:0',
    '  The given SavedModel SignatureDef contains the following output(s):',
    "    outputs['y'] tensor_info:",
    '        dtype: DT_FLOAT',
    '        shape: unknown_rank',
    '        name: y:0',
    '  Method name is: tensorflow/serving/predict',
    "The MetaGraph with tag set ['serve'] contains the following ops: {'Placeholder', 'Relu'}",
    '',
    'Operations: Placeholder 1, Relu 1',
    'Functions: 0',
    'Variables: 0, 0 parameters, 0 bytes',
    'Needed files: none',
    'Written by TensorFlow 2.15.1',
    'Engine: kernel',
  ])
})

test.each([
  [
    'Digamma',
    'tensorflow',
    [
      'not kernel: Digamma (node y): it has no kernel',
      'not onnx: Digamma (node y): it has no translation',
    ],
  ],
  ['ReadFile', 'none, it is refused', ['the node y is ReadFile, which reads files']],
])('the reason names operation and node: %s', async (op, engine, reasons) => {
  await write(op)

  const { lines } = await inspect()

  const at = lines.indexOf(`Engine: ${engine}`)
  expect(lines.slice(at + 1)).toEqual(reasons.map((reason) => `  ${reason}`))
  expect(at).toBeGreaterThan(0)
})

test('what nothing may run is rejected, as the gate would', async () => {
  await write('ReadFile')

  expect((await inspect()).refusal).toMatchObject({
    exit: 7,
    message: `nothing may run ${directory}: the node y is ReadFile, which reads files`,
  })
})

/** A model of which only TensorFlow can run an operation, with a variable; the index is damaged by the caller. */
async function writeVariable(damage: (index: Uint8Array) => Uint8Array): Promise<void> {
  const to = new GraphBuilder()
  const variables = new VariableBuilder(to)
  const values = Float32Array.of(1, 2, 3)
  to.add('Digamma', 'y', [variables.add('w', { dtype: 'DT_FLOAT', shape: [3], values })], {
    T: FLOAT,
  })
  const { saver, files } = variables.finish()
  const outputs = { y: info('y:0') }
  const signatures = { serving_default: { methodName: PREDICT_METHOD, inputs: {}, outputs } }
  await mkdir(join(directory, 'variables'))
  for (const [path, bytes] of files)
    await writeFile(join(directory, path), path.endsWith('.index') ? damage(bytes) : bytes)
  const bytes = writeSavedModel({ graph: to.build(), signatures, saver })
  await writeFile(join(directory, 'saved_model.pb'), bytes)
}

test('variables that can be restored are TensorFlow’s where it has to run the model', async () => {
  await writeVariable((index) => index)

  const { lines, refusal } = await inspect()

  expect(lines).toContain('Engine: tensorflow')
  expect(lines).toContain('Variables: 1, 3 parameters, 12 bytes')
  expect(lines).toContain(
    'Needed files: variables/variables.data-00000-of-00001, variables/variables.index',
  )
  expect(refusal).toBeUndefined()
})

test('a model whose checkpoint TensorFlow cannot restore is refused, and the file is named', async () => {
  await writeVariable((index) => index.subarray(0, -1))

  const { lines, refusal } = await inspect()

  expect(lines).toContain('Engine: none, it is refused')
  expect(lines).toContain('Variables: unknown, they were not read')
  expect(lines).toContain('Needed files: variables/variables.index')
  expect(refusal?.message).toMatch(
    /variables\/variables cannot be read: the index does not end like a table/,
  )
})

test('a fingerprint is shown', async () => {
  await write('Relu')
  await writeFile(join(directory, 'fingerprint.pb'), Uint8Array.of(8, 5, 58, 1, 97))

  const { lines } = await inspect()

  expect(lines.slice(-7, -4)).toEqual([
    'Fingerprint: a',
    '  saved_model_checksum: 5',
    '  graph_def_program_hash: 0',
  ])
})

test('a damaged fingerprint is named and no fault of the model, as for TensorFlow', async () => {
  await write('Relu')
  await writeFile(join(directory, 'fingerprint.pb'), Uint8Array.of(8))

  const { lines, refusal } = await inspect()

  expect(lines.at(-1)).toBe(
    'Fingerprint: fingerprint.pb cannot be read: not protobuf: it ends inside a number',
  )
  expect(refusal).toBeUndefined()
})

test('a model that is too large for a kernel is one for onnx', async () => {
  const to = new GraphBuilder()
  to.add('Placeholder', 'x', [], { dtype: FLOAT })
  const values = new Float32Array(5_000 * 1_000)
  to.constant('w', { dtype: 'DT_FLOAT', shape: [5_000, 1_000], values })
  to.add('MatMul', 'y', ['x', 'w'], { T: FLOAT })
  const inputs = { x: info('x:0', [-1, 5_000]) }
  const outputs = { y: info('y:0', [-1, 1_000]) }
  const signatures = { serving_default: { methodName: PREDICT_METHOD, inputs, outputs } }
  const bytes = writeSavedModel({ graph: to.build(), signatures })
  await writeFile(join(directory, 'saved_model.pb'), bytes)

  expect((await inspect()).lines.slice(-2)).toEqual([
    'Engine: onnx',
    '  not kernel: a row costs 5000000 multiply-adds',
  ])
})

test('as JSON it has the same', async () => {
  await write('ReadFile')

  expect((await inspect()).value).toMatchObject({
    directory,
    graphs: [
      {
        tags: ['serve'],
        signatures: { serving_default: { inputs: { x: { shape: [-1, 3] } } } },
        ops: { Placeholder: 1, ReadFile: 1 },
        engine: null,
        reasons: [{ reason: 'the node y is ReadFile, which reads files' }],
      },
    ],
  })
})

/** A graph with nothing in it, as a text. */
const graphOf = (...tags: string[]) =>
  `meta_graphs { meta_info_def { tags: ${JSON.stringify(tags)} } }`

test('a graph of which nothing can be asked is told', async () => {
  await writeFile(join(directory, 'saved_model.pbtxt'), graphOf('serve'))
  expect((await inspect()).lines).toContain('Nothing can be asked of it: it has no signatures')

  await write('Relu')
  expect((await inspect()).lines.join()).not.toContain('Nothing can be asked')
})

test('all graphs are shown in the order of their tags, and one of those with the same tags', async () => {
  const text = [graphOf('train'), graphOf('serve'), graphOf('serve', 'gpu'), graphOf('serve')]
  await writeFile(join(directory, 'saved_model.pbtxt'), text.join('\n'))

  const { lines } = await inspect()

  expect(lines.filter((line) => /^(MetaGraphDef|Never)/.test(line))).toEqual([
    "MetaGraphDef with tag-set: 'serve' contains the following SignatureDefs:",
    'Never loaded: 1 more with these tags',
    "MetaGraphDef with tag-set: 'serve, gpu' contains the following SignatureDefs:",
    "MetaGraphDef with tag-set: 'train' contains the following SignatureDefs:",
  ])
})

test('graphs of other tags than are served are shown and rejected', async () => {
  const text = [graphOf('train'), graphOf('serve', 'gpu')]
  await writeFile(join(directory, 'saved_model.pbtxt'), text.join('\n'))

  const { lines, refusal } = await inspect()

  expect(lines.filter((line) => line.startsWith('MetaGraphDef'))).toHaveLength(2)
  expect(refusal).toMatchObject({
    exit: 7,
    message: `nothing may run ${directory}: no graph has just the tags [serve]`,
  })
})

test('a folder that is empty is told to be no SavedModel', async () => {
  await expect(inspect()).rejects.toMatchObject({
    exit: 2,
    message: `${directory}: saved_model.pb is missing, so it is no SavedModel`,
  })
})

test('a folder whose graph cannot be read is rejected, as the gate would', async () => {
  await writeFile(join(directory, 'saved_model.pb'), 'no')

  await expect(inspect()).rejects.toMatchObject({
    exit: 7,
    message: `${directory} cannot be read as a SavedModel`,
  })
})
