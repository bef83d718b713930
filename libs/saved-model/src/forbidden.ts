// Operations that no model needs for an answer, by what they could do.

import type { NodeDef } from './graph.ts'

/** What no model needs for an answer, wherever it stands, and what it could do. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/^(ReadFile|MatchingFiles|GenerateVocabRemapping|LoadAndRemapMatrix)$/, 'reads files'],
  [/^(ImmutableConst|RecordInput|Skipgram|DTensorRestoreV2)$/, 'reads files'],
  [/Reader(V2)?$|^Reader/, 'reads files'],
  [/(TextLine|Record|CSV|Cache|Load|List|LMDB|MatchingFiles)Dataset(V\d)?$/, 'reads files'],
  [/Snapshot(Chunks?)?Dataset/, 'reads files'],
  [/^(WriteFile|FileSystem)|SaveDataset|ToTFRecord|Summary(File|Db)?Writer/, 'writes files'],
  [
    /^(Write\w*Summary|ImportEvent|Debug\w*|DumpTensor|CalibrationStatisticsSaver)$/,
    'writes files',
  ],
  [/^(PyFunc|PyFuncStateless|EagerPyFunc|Abort)$/, 'runs code of the process'],
  [
    /DatasetFromGraph|^(RemoteFusedGraphExecute|SymbolicGradient)$/,
    'runs a graph that cannot be looked into',
  ],
  [/DataService|BigQuery|Rpc|SqlDataset|RegisterDataset|DistributedSave/, 'uses the network'],
  [/^(RemoteCall|Collective|IO>)/, 'uses the network'],
  [/^(_VarHandlesOp|_XlaAotOnlyVarHandleOp)$/, 'takes variables by other ways than their handles'],
  [/^_?(Host)?(Send|Recv)$|^Configure\w*TPU/, 'uses the network'],
]
const decoder = new TextDecoder()

/** What operations of a name could do beyond computing, whatever their attributes; undefined for others. */
export const whyForbidden = (op: string): string | undefined =>
  FORBIDDEN.find(([pattern]) => pattern.test(op))?.[1]

/** What an operation could do beyond computing, wherever it stands. */
export function forbidden({ op, attrs }: NodeDef): string | undefined {
  const always = whyForbidden(op)
  if (always !== undefined) return always
  const text = (name: string) => {
    const value = attrs[name]
    return value?.kind === 'string' ? decoder.decode(value.value) : ''
  }
  if (op === 'FixedUnigramCandidateSampler' && text('vocab_file') !== '') return 'reads files'
  if (op === 'Const' && isResource(attrs['dtype'])) return 'makes a handle out of bytes'
  if (op === 'PrintV2' && text('output_stream').startsWith('file:')) return 'writes files'
  const isOfFile = !/^(local:\/\/|bytes:\/\/|$)/.test(text('descriptor_source'))
  return isOfFile ? 'reads files' : undefined
}

/** The type of handles, as it is written; it is not carried otherwise. */
const isResource = (type: NodeDef['attrs'][string] | undefined): boolean =>
  type?.kind === 'other' && type.value[0] === 0x30 && type.value[1] === 20
