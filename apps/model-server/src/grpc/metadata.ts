// GetModelMetadata: the signatures of a version.

import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, fromBinary } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import {
  DataTypeNumber,
  encodeTensorProto,
  type ModelSpec,
  PredictionService,
  ServingError,
  type SignatureDef,
  SignatureDefMapSchema,
  type TensorInfo,
  TensorProtoSchema,
} from '@drover/serving-api'
import { toldSignatures } from '../serving/core.ts'
import { writtenOnce } from '../serving/metadata.ts'
import { choiceOf, decode, encode } from './messages.ts'

const { input: RequestSchema, output: ResponseSchema } = PredictionService.method.getModelMetadata
const SIGNATURES = 'signature_def'

/** A GetModelMetadataRequest. */
export interface MetadataRequest {
  spec: ModelSpec | undefined
  fields: readonly string[]
}

/** Reads one. Throws INTERNAL for bytes that are none. */
export function decodeMetadataRequest(body: Uint8Array): MetadataRequest {
  const { modelSpec, metadataField } = decode(RequestSchema, body)
  return { spec: modelSpec && choiceOf(modelSpec), fields: metadataField }
}

/** Throws INVALID_ARGUMENT for a request that asks for nothing, or for what is unknown. */
export function checkMetadataRequest({ fields }: MetadataRequest): void {
  if (fields.length === 0)
    throw new ServingError(
      'INVALID_ARGUMENT',
      'GetModelMetadataRequest must specify at least one metadata_field',
    )
  const unknown = fields.find((field) => field !== SIGNATURES)
  if (unknown !== undefined)
    throw new ServingError('INVALID_ARGUMENT', `Metadata field ${unknown} is not supported`)
}

/** A GetModelMetadataResponse. */
export const encodeMetadata = writtenOnce((found) => {
  const { name, version } = found
  const signatureDef = mapValues(toldSignatures(found), signatureOf)
  const map = create(SignatureDefMapSchema, { signatureDef })
  return encode(ResponseSchema, {
    modelSpec: { name, versionChoice: { case: 'version', value: { value: version } } },
    metadata: { [SIGNATURES]: anyPack(SignatureDefMapSchema, map) },
  })
})

type SignatureMessage = NonNullable<
  MessageInitShape<typeof SignatureDefMapSchema>['signatureDef']
>[string]

const signatureOf = ({
  methodName,
  inputs,
  outputs,
  defaults = {},
}: SignatureDef): SignatureMessage => ({
  methodName,
  inputs: mapValues(inputs, infoOf),
  outputs: mapValues(outputs, infoOf),
  defaults: mapValues(defaults, (tensor) =>
    fromBinary(TensorProtoSchema, encodeTensorProto(tensor)),
  ),
})

const infoOf = ({ name, dtype, shape }: TensorInfo) => ({
  encoding: { case: 'name' as const, value: name },
  dtype: DataTypeNumber[dtype],
  tensorShape: {
    dim: (shape ?? []).map((size) => ({ size: BigInt(size) })),
    unknownRank: shape === undefined,
  },
})

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
