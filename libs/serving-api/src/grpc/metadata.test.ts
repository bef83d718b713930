import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import {
  GetModelMetadataRequestSchema,
  GetModelMetadataResponseSchema,
  SignatureDefMapSchema,
} from '../generated/tensorflow_serving/apis/get_model_metadata_pb.ts'
import { DataType } from '../generated/tensorflow/core/framework/types_pb.ts'
import { floatTensor } from '../tensor.ts'
import { checkMetadataFields, decodeMetadataRequest, encodeMetadataResponse } from './metadata.ts'

test('a request names a model and fields', () => {
  const bytes = toBinary(
    GetModelMetadataRequestSchema,
    create(GetModelMetadataRequestSchema, {
      modelSpec: { name: 'm', versionChoice: { case: 'versionLabel', value: 'stable' } },
      metadataField: ['signature_def'],
    }),
  )

  expect(decodeMetadataRequest(bytes)).toEqual({
    spec: { name: 'm', label: 'stable', signatureName: '' },
    fields: ['signature_def'],
  })
  expect(decodeMetadataRequest(new Uint8Array(0)).spec).toBeUndefined()
})

test('only signatures can be asked for', () => {
  expect(() => checkMetadataFields(['signature_def'])).not.toThrow()
  expect(() => checkMetadataFields([])).toThrow(
    'GetModelMetadataRequest must specify at least one metadata_field',
  )
  expect(() => checkMetadataFields(['signature_def', 'f'])).toThrow(
    'Metadata field f is not supported',
  )
})

test('the answer holds the signatures as an Any', () => {
  const bytes = encodeMetadataResponse(
    { name: 'm', version: 2n ** 60n },
    {
      serving_default: {
        methodName: 'tensorflow/serving/predict',
        inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 3] } },
        outputs: { y: { name: 'y:0', dtype: 'DT_STRING', shape: undefined } },
        defaults: { x: floatTensor([1, 2], [2]) },
      },
    },
  )

  const { modelSpec, metadata } = fromBinary(GetModelMetadataResponseSchema, bytes)
  expect(modelSpec).toMatchObject({
    name: 'm',
    signatureName: '',
    versionChoice: { case: 'version', value: { value: 2n ** 60n } },
  })
  expect(Object.keys(metadata)).toEqual(['signature_def'])
  const any = metadata['signature_def']
  expect(any?.typeUrl).toBe('type.googleapis.com/tensorflow.serving.SignatureDefMap')
  expect(any && anyUnpack(any, SignatureDefMapSchema)?.signatureDef).toMatchObject({
    serving_default: {
      methodName: 'tensorflow/serving/predict',
      inputs: {
        x: {
          encoding: { case: 'name', value: 'x:0' },
          dtype: DataType.DT_FLOAT,
          tensorShape: { dim: [{ size: -1n }, { size: 3n }], unknownRank: false },
        },
      },
      outputs: { y: { dtype: DataType.DT_STRING, tensorShape: { dim: [], unknownRank: true } } },
      defaults: { x: { dtype: DataType.DT_FLOAT, floatVal: [1, 2] } },
    },
  })
})
