import {
  type InspectedGraph,
  type Inspection,
  inspectModel,
  InferenceError,
  parseAllowed,
} from '@drover/inference'
import {
  type BundleEntry,
  doubledKeys,
  type GraphDef,
  type PythonFunction,
  type SavedModel,
  SavedModelError,
  SERVE_TAGS,
  shardFile,
  type StoredValues,
} from '@drover/saved-model'
import type { SignatureDef, TensorInfo } from '@drover/serving-api'
import { CliError, Exit, type Output } from '../output.ts'
import { checkFolder } from '../saved-model-hint.ts'
import { functionLines } from './python-text.ts'

const CHECKPOINT = 'variables/variables'
const CHECKPOINT_INDEX = `${CHECKPOINT}.index`
/** TensorFlow's own entries of a checkpoint: no variables of the model. */
const BOOKKEEPING = /^(_CHECKPOINTABLE_OBJECT_GRAPH|save_counter\/)/

/**
 * `drover inspect <directory>`: what `saved_model_cli show --all` says of a SavedModel, in its words,
 * and besides what would run it here and why nothing faster. Nothing of the model is run. Ends as what is
 * rejected where nothing may run what a server is asked for.
 */
export async function inspectCommand(output: Output, directory: string, allow = ''): Promise<void> {
  const parsed = parseAllowed(allow)
  if ('fault' in parsed) throw new CliError(Exit.USAGE, `--allow: ${parsed.fault}`)
  await checkFolder(directory)
  const { sizeBytes, graphs, fingerprint } = await inspectModel(directory, parsed.allowed).catch(
    (cause: unknown) => {
      if (!(cause instanceof InferenceError)) throw cause
      throw new CliError(Exit.REJECTED, `${directory} cannot be read as a SavedModel`, { cause })
    },
  )
  const views = graphs.map(viewOf).toSorted((a, b) => compare(a.tags.join(), b.tags.join()))
  output.result({ directory, sizeBytes, fingerprint, graphs: views }, [
    ...views.flatMap(linesOf),
    ...fingerprintLines(fingerprint),
  ])
  const [refused] = refusedIn(views)
  if (refused !== undefined)
    throw new CliError(Exit.REJECTED, `nothing may run ${directory}: ${refused}`)
}

/** Why nothing may run the graph that is served. */
function refusedIn(views: readonly GraphView[]): string[] {
  const served = views.filter(({ tags }) => tags.join() === SERVE_TAGS.join())
  if (served.length === 0) return [`no graph has just the tags [${SERVE_TAGS.join(', ')}]`]
  if (served.some(({ engine }) => engine !== null)) return []
  return served.flatMap(({ reasons }) => reasons.map(({ reason }) => reason))
}

/** What is said of one graph. */
interface GraphView {
  tags: readonly string[]
  tensorflowVersion: string
  signatures: Readonly<Record<string, SignatureDef>>
  /** Whether any of them can be called. */
  isCallable: boolean
  /** How often each operation stands in the graph and in all of its functions. */
  ops: Readonly<Record<string, number>>
  /** Those that `saved_model_cli` names. */
  opsUsed: readonly string[]
  functions: number
  /** What Python calls beside the signatures; null where it knows nothing of the model. */
  concreteFunctions: readonly PythonFunction[] | null
  /** What the checkpoint restores, and once what it has twice; undefined where it was not or cannot be read. */
  variables: { count: number; elements: number; bytes: number } | undefined
  files: readonly string[]
  /** Graphs with the same tags behind it, which nobody can ask for. */
  hidden: number
  engine: InspectedGraph['engine'] | null
  reasons: InspectedGraph['reasons']
}

function viewOf({ savedModel, functions, hidden, engine, reasons }: InspectedGraph): GraphView {
  const { tags, tensorflowVersion, signatures, uncallable, graph } = savedModel
  return {
    tags,
    tensorflowVersion,
    signatures: { ...signatures, ...uncallable },
    isCallable: Object.keys(signatures).length > 0,
    ops: opsOf(graph),
    opsUsed: opsUsedBy(graph),
    functions: graph.functions?.size ?? 0,
    concreteFunctions: functions ?? null,
    variables: variablesOf(savedModel),
    files: filesOf(savedModel),
    hidden,
    engine: engine ?? null,
    reasons,
  }
}

function opsOf({ nodes, functions }: GraphDef): Record<string, number> {
  const counts = new Map<string, number>()
  for (const body of [nodes, ...[...(functions?.values() ?? [])].map((each) => each.nodes)])
    for (const { op } of body) counts.set(op, (counts.get(op) ?? 0) + 1)
  return Object.fromEntries([...counts].toSorted(([a], [b]) => compare(a, b)))
}

/** Of functions it sees those that are called plainly, and not those of loops and branches. */
function opsUsedBy({ nodes, functions }: GraphDef): string[] {
  const used = new Set(nodes)
  // A set that grows while it is walked is walked to its end.
  for (const { op, attrs } of used) {
    const called = op.endsWith('PartitionedCall') ? attrs['f'] : undefined
    const name = called?.kind === 'function' ? called.value : op
    for (const node of functions?.get(name)?.nodes ?? []) used.add(node)
  }
  const ops = new Set([...used].map(({ op }) => op))
  return [...ops].filter((op) => functions?.has(op) !== true).toSorted(compare)
}

const elementsOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1)

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function variablesOf(model: SavedModel): GraphView['variables'] {
  const entries = entriesOf(model)
  if (entries === undefined) return undefined
  const doubled = doubledKeys(model)
  const kept = [...entries.values()].filter(
    ({ key }) => !BOOKKEEPING.test(key) && !doubled.has(key),
  )
  return {
    count: kept.length,
    elements: sum(kept.map(({ shape }) => elementsOf(shape))),
    bytes: sum(kept.flatMap(storedOf).map(({ size }) => size)),
  }
}

/** Where a variable is, or each of its parts. */
const storedOf = (entry: BundleEntry): StoredValues[] =>
  entry.slices.length > 0 ? entry.slices.flatMap(({ stored }) => stored ?? []) : [entry]

/** Those that the model names, and those in which its variables are, as far as the index can be read. */
function filesOf(model: SavedModel): string[] {
  const files = new Set(model.neededFiles)
  const entries = files.has(CHECKPOINT_INDEX) ? entriesOf(model) : undefined
  const shards = [...(entries?.values() ?? [])].flatMap(storedOf).map(({ shardId }) => shardId)
  for (const shard of new Set(shards))
    files.add(shardFile(CHECKPOINT, shard, model.checkpoint?.header.numShards ?? 1))
  return [...files].toSorted(compare)
}

function entriesOf({ checkpoint, neededFiles }: SavedModel) {
  const isNeeded = neededFiles.includes(CHECKPOINT_INDEX)
  try {
    return checkpoint?.entries ?? (isNeeded ? undefined : new Map<string, never>())
  } catch (error) {
    // What would run the model says it, where that needs the variables.
    if (error instanceof SavedModelError) return undefined
    throw error
  }
}

function linesOf(view: GraphView): string[] {
  const { tags, signatures, ops, functions, files, hidden, engine, reasons } = view
  const sorted = Object.entries(signatures).toSorted(([a], [b]) => compare(a, b))
  const counted = Object.entries(ops).map(([op, count]) => `${op} ${count}`)
  return [
    '',
    `MetaGraphDef with tag-set: '${tags.join(', ')}' contains the following SignatureDefs:`,
    ...sorted.flatMap(([name, signature]) => ['', ...signatureLines(name, signature)]),
    `The MetaGraph with tag set [${quoted(tags)}] contains the following ops: {${quoted(view.opsUsed)}}`,
    ...concreteLines(view),
    '',
    `Operations: ${counted.join(', ')}`,
    `Functions: ${functions}`,
    `Variables: ${variableText(view)}`,
    `Needed files: ${files.join(', ') || 'none'}`,
    `Written by TensorFlow ${view.tensorflowVersion || 'of an unknown version'}`,
    ...(hidden > 0 ? [`Never loaded: ${hidden} more with these tags`] : []),
    ...(view.isCallable ? [] : ['Nothing can be asked of it: it has no signatures']),
    `Engine: ${engine ?? 'none, it is refused'}`,
    ...reasons.map(({ engine: other, reason }) =>
      other === undefined ? `  ${reason}` : `  not ${other}: ${reason}`,
    ),
  ]
}

const concreteLines = ({ concreteFunctions }: GraphView): string[] =>
  concreteFunctions === null
    ? []
    : ['', 'Concrete Functions:', ...concreteFunctions.map(functionText)]

/** Each but the first has an empty line before it. */
const functionText = (each: PythonFunction, index: number): string =>
  [...(index > 0 ? [''] : []), ...functionLines(each)].join('\n')

function variableText({ variables }: GraphView): string {
  if (variables === undefined) return 'unknown, they were not read'
  const { count, elements, bytes } = variables
  return `${count}, ${elements} parameters, ${bytes} bytes`
}

function fingerprintLines(fingerprint: Inspection['fingerprint']): string[] {
  if (fingerprint === undefined) return []
  if ('fault' in fingerprint) return ['', `Fingerprint: ${fingerprint.fault}`]
  const { uuid, ...numbers } = fingerprint
  return [
    '',
    `Fingerprint: ${uuid}`,
    ...Object.entries(numbers).map(([name, number]) => `  ${nameInProto(name)}: ${number}`),
  ]
}

const nameInProto = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** As `saved_model_cli` prints it. */
function signatureLines(name: string, { inputs, outputs, methodName }: SignatureDef): string[] {
  return [
    `signature_def['${name}']:`,
    '  The given SavedModel SignatureDef contains the following input(s):',
    ...tensorLines('inputs', inputs),
    '  The given SavedModel SignatureDef contains the following output(s):',
    ...tensorLines('outputs', outputs),
    `  Method name is: ${methodName}`,
  ]
}

const tensorLines = (kind: string, tensors: SignatureDef['inputs']): string[] =>
  Object.entries(tensors)
    .toSorted(([a], [b]) => compare(a, b))
    .flatMap(([alias, { dtype, shape, name }]) => [
      `    ${kind}['${alias}'] tensor_info:`,
      `        dtype: ${dtype}`,
      `        shape: ${shapeText(shape)}`,
      `        name: ${name}`,
    ])

const shapeText = (shape: TensorInfo['shape']): string =>
  shape === undefined ? 'unknown_rank' : `(${shape.join(', ')})`

const quoted = (texts: readonly string[]): string => texts.map((each) => `'${each}'`).join(', ')

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
