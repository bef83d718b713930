// Operations that no model needs for an answer, by what they could do.

import { COMPUTING } from './computing.ts'
import { FIELDS } from './generated/fields.ts'
import type { NodeDef } from './graph.ts'
import { OTHER_OPERATIONS } from './other-operations.ts'
import { fieldsOf, readFields, type WireField } from './wire.ts'

type Attr = NodeDef['attrs'][string]
const { AttrValue: ATTR, AttrValue_ListValue: LIST } = FIELDS
/** What makes tensors out of an attribute, a text or the tenant's checkpoint. */
const OUT_OF_BYTES: ReadonlySet<string> = new Set([
  'Const',
  'DeserializeManySparse',
  'DeserializeSparse',
  'ParseTensor',
  'Restore',
  'RestoreSlice',
  'RestoreV2',
])
/** How MLIR's bytecode begins. Its texts have escapes, behind which a name is not seen. */
const BYTECODE = Buffer.of(0x4d, 0x4c, 0xef, 0x52)
/** DT_RESOURCE and DT_VARIANT, and references to them. */
const HANDLES: ReadonlySet<bigint> = new Set([20n, 21n, 120n, 121n])
/** The same by name, and what has none, of which TensorFlow may take the lower half. */
const HANDLE_TYPES: ReadonlySet<string> = new Set([
  'DT_RESOURCE',
  'DT_RESOURCE_REF',
  'DT_VARIANT',
  'DT_VARIANT_REF',
  'DT_INVALID',
])

/** What no model needs for an answer, wherever it stands, and what it could do. */
export const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/^(ReadFile|MatchingFiles|GenerateVocabRemapping|LoadAndRemapMatrix)$/, 'reads files'],
  [/^(ImmutableConst|RecordInput|Skipgram|DTensorRestoreV2)$/, 'reads files'],
  [/(CSV|Cache|Load|List|LMDB|MatchingFiles)Dataset(V\d)?$/, 'reads files'],
  [/Snapshot(Chunks?)?Dataset/, 'reads files'],
  [/^(WriteFile|FileSystem)|SaveDataset|ToTFRecord|Summary(File|Db)?Writer/, 'writes files'],
  [
    /^(Write\w*Summary|ImportEvent|Debug\w*|DumpTensor|CalibrationStatisticsSaver)$/,
    'writes files',
  ],
  [/^(PyFunc|PyFuncStateless|EagerPyFunc|Abort|XlaCustomCall(V2)?)$/, 'runs code of the process'],
  [
    /DatasetFromGraph|Mlir|^(DeserializeIterator|RemoteFusedGraphExecute|SymbolicGradient)$/,
    'runs a graph that cannot be looked into',
  ],
  [/DataService|BigQuery|Rpc|SqlDataset|RegisterDataset|DistributedSave/, 'uses the network'],
  [/^(RemoteCall|Collective|IO>)|^Configure\w*TPU/, 'uses the network'],
  [/^TemporaryVariable$/, 'answers with what others left in memory'],
  // TensorFlow tries some of what has constants for inputs when it takes up a graph, wherever it stands.
  [
    /^(__?[A-Z].*|Copy|CopyHost|HostConst|TfLiteSubgraphExecute|XlaLaunch(V2)?)$/,
    'is never in a model as it is saved',
  ],
]
/** The same of what is not tried, as it has a state: training graphs have it, and nobody runs it there. */
const FORBIDDEN_TO_RUN: typeof FORBIDDEN = [
  [/Reader(V2)?$|^Reader|(TextLine|Record)Dataset(V\d)?$/, 'reads files'],
]
// A byte order mark is a part of a path, behind which it begins otherwise.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** What operations of a name are known to do beyond computing, whatever their attributes; undefined for others. */
export const whyForbidden = (op: string): string | undefined => whyIn(FORBIDDEN, op)

/** Why operations of a name are refused where they would run; undefined where they are not. */
export const whyRefused = (op: string): string | undefined =>
  whyForbidden(op) ??
  whyIn(FORBIDDEN_TO_RUN, op) ??
  (COMPUTING.has(op) ? undefined : whyUnknown(op))

const whyUnknown = (op: string): string =>
  OTHER_OPERATIONS.has(op) ? 'is not known only to compute' : 'TensorFlow 2.15 does not have'

/** Whether an operator can have models have operations of a name that are refused otherwise. */
export const canBeAllowed = (op: string): boolean => OTHER_OPERATIONS.has(op)

const whyIn = (table: typeof FORBIDDEN, op: string): string | undefined =>
  COMPUTING.has(op) ? undefined : table.find(([pattern]) => pattern.test(op))?.[1]

/** What an operation could do beyond computing by its attributes. */
export function misleads({ op, attrs }: NodeDef): string | undefined {
  const taken = Object.keys(attrs).find((name) => fieldOf(attrs[name])?.number === ATTR.placeholder)
  if (taken !== undefined) return `has the attribute ${taken.slice(0, 200)} of whoever calls it`
  if (OUT_OF_BYTES.has(op) && Object.values(attrs).some(isHandle))
    return 'makes a handle out of bytes'
  // Another one than TensorFlow's own passes over its checks of types.
  if (textIn(attrs, 'executor_type') !== '') return 'chooses by what it is run'
  const isOfFile = !/^(local:\/\/|bytes:\/\/|$)/.test(textIn(attrs, 'descriptor_source'))
  return isOfFile ? 'reads files' : BY_ATTRIBUTES.get(op)?.(attrs)
}

type Attrs = NodeDef['attrs']

/** By operation, what it could do with such attributes. */
const BY_ATTRIBUTES = new Map<string, (attrs: Attrs) => string | undefined>(
  Object.entries({
    Empty: ({ init }) => (isTrue(init) ? undefined : 'answers with what others left in memory'),
    FixedUnigramCandidateSampler: (attrs) =>
      textIn(attrs, 'vocab_file') === '' ? undefined : 'reads files',
    PrintV2: (attrs) =>
      textIn(attrs, 'output_stream').startsWith('file:') ? 'writes files' : undefined,
    XlaCallModule: ({ module }) => moduleFault(module),
  } satisfies Record<string, (attrs: Attrs) => string | undefined>),
)

function textIn(attrs: Attrs, name: string): string {
  const value = attrs[name]
  return value?.kind === 'string' ? decoder.decode(value.value) : ''
}

const isTrue = (value: Attr | undefined): boolean => value?.kind === 'bool' && value.value

/** What a program for XLA could do beyond computing. */
function moduleFault(module: Attr | undefined): string | undefined {
  const bytes = module?.kind === 'string' ? Buffer.from(module.value) : Buffer.of()
  if (!bytes.subarray(0, BYTECODE.length).equals(BYTECODE))
    return 'runs a graph that cannot be looked into'
  return bytes.includes('custom_call') ? 'runs code of the process' : undefined
}

/** The type of handles, or of what may hold some, also among others; neither is carried otherwise. */
function isHandle(type: Attr): boolean {
  if (type.kind === 'types') return type.value.some((each) => HANDLE_TYPES.has(each))
  const field = fieldOf(type)
  // A list that we do not carry may have types beside what TensorFlow passes over.
  const types = field?.number === ATTR.list ? [...fieldsOf(field.bytes, LIST.type)] : []
  if (field?.number === ATTR.type) types.push(field)
  // TensorFlow takes the lower half of a longer number.
  return types.some((each) => [...each.ints()].some((of) => HANDLES.has(BigInt.asIntN(32, of))))
}

/** Of the value of an attribute that is not carried, what it is. */
const fieldOf = (value: Attr | undefined): WireField | undefined =>
  value?.kind === 'other' ? [...readFields(value.value)][0] : undefined
