// GetModelMetadata: seldom asked, so by the generated codec.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack, Int64ValueSchema } from '@bufbuild/protobuf/wkt'
import { invalid } from '../errors.ts'
import { DataType } from '../generated/tensorflow/core/framework/types_pb.ts'
import { TensorProtoSchema } from '../generated/tensorflow/core/framework/tensor_pb.ts'
import { SignatureDefSchema } from '../generated/tensorflow/core/protobuf/meta_graph_pb.ts'
import {
  GetModelMetadataResponseSchema,
  SignatureDefMapSchema,
} from '../generated/tensorflow_serving/apis/get_model_metadata_pb.ts'
import type { SignatureDef, Tensor, TensorInfo } from '../tensor.ts'
import { RequestBudget } from '../wire/budget.ts'
import { Pieces } from '../wire/pieces.ts'
import { WireReader, WireType } from '../wire/reader.ts'
import { encodeTensorProto } from '../wire/tensor-encode.ts'
import { decodeModelSpec, type ModelSpec } from './model-spec.ts'

/** The one field of metadata that there is. */
const SIGNATURE_DEF = 'signature_def'
/** Of the requests of metadata and status. */
const SPEC = 1
const METADATA_FIELD = 2

/** A GetModelMetadataRequest. */
export interface MetadataRequest {
  /** Undefined if the request has none, which is a mistake of its own. */
  spec: ModelSpec | undefined
  fields: string[]
}

/** Reads a GetModelMetadataRequest. Throws `ServingError` for bytes that are none. */
export function decodeMetadataRequest(message: Uint8Array): MetadataRequest {
  const reader = new WireReader(message)
  const budget = new RequestBudget()
  const spec = new Pieces()
  const fields: string[] = []
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else if (reader.field === SPEC) spec.add(reader.readBytes())
    else if (reader.field === METADATA_FIELD) {
      budget.takeName()
      fields.push(reader.readText())
    } else reader.skip()
  }
  return { spec: spec.isEmpty ? undefined : decodeModelSpec(spec.join()), fields }
}

/** Throws INVALID_ARGUMENT unless `signature_def` and nothing else is asked for. */
export function checkMetadataFields(fields: readonly string[]): void {
  if (fields.length === 0)
    throw invalid('GetModelMetadataRequest must specify at least one metadata_field')
  const unknown = fields.find((field) => field !== SIGNATURE_DEF)
  if (unknown !== undefined) throw invalid(`Metadata field ${unknown} is not supported`)
}

/** A GetModelMetadataResponse with the signatures of a version. */
export function encodeMetadataResponse(
  { name, version }: { name: string; version: bigint },
  signatures: Readonly<Record<string, SignatureDef>>,
): Uint8Array {
  const map = create(SignatureDefMapSchema, { signatureDef: mapValues(signatures, signatureDefOf) })
  const response = create(GetModelMetadataResponseSchema, {
    modelSpec: {
      name,
      versionChoice: { case: 'version', value: create(Int64ValueSchema, { value: version }) },
    },
    metadata: { [SIGNATURE_DEF]: anyPack(SignatureDefMapSchema, map) },
  })
  return toBinary(GetModelMetadataResponseSchema, response)
}

const signatureDefOf = ({ inputs, outputs, methodName, defaults = {} }: SignatureDef) =>
  create(SignatureDefSchema, {
    inputs: mapValues(inputs, infoOf),
    outputs: mapValues(outputs, infoOf),
    methodName,
    defaults: mapValues(defaults, tensorOf),
  })

const NUMBERS: Readonly<Record<string, DataType>> = DataType

const infoOf = ({ name, dtype, shape }: TensorInfo) => ({
  encoding: { case: 'name' as const, value: name },
  dtype: NUMBERS[dtype] ?? DataType.DT_INVALID,
  tensorShape: {
    dim: (shape ?? []).map((size) => ({ size: BigInt(size) })),
    unknownRank: shape === undefined,
  },
})

const tensorOf = (tensor: Tensor) => fromBinary(TensorProtoSchema, encodeTensorProto(tensor))

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
