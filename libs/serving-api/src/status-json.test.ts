import { expect, test } from 'vitest'
import { notKnown, notServed, writeMetadata, writeStatus } from './status-json.ts'

test('case 17: the status of the versions, highest first, one space a level', () => {
  const body = writeStatus([
    { version: 9n, state: 'AVAILABLE' },
    { version: 123n, state: 'END', error: 'it "broke"' },
  ])

  expect(body.toString()).toBe(`{
 "model_version_status": [
  {
   "version": "123",
   "state": "END",
   "status": {
    "error_code": "UNKNOWN",
    "error_message": "it \\"broke\\""
   }
  },
  {
   "version": "9",
   "state": "AVAILABLE",
   "status": {
    "error_code": "OK",
    "error_message": ""
   }
  }
 ]
}
`)
})

test('case 21: the metadata of half_plus_two', () => {
  const y = { name: 'y:0', dtype: 'DT_FLOAT', shape: [-1, 1] } as const
  const x = { name: 'tf_example:0', dtype: 'DT_STRING', shape: undefined } as const
  const methodName = 'tensorflow/serving/regress'

  const body = writeMetadata(
    { name: 'default', version: 123n },
    { regress_x_to_y: { methodName, inputs: { inputs: x }, outputs: { outputs: y } } },
  )

  expect(body.toString()).toMatch(/^\{\n"model_spec":\{\n "name": "default",\n/)
  expect(body.toString()).toContain('}\n,\n"metadata": {"signature_def": {\n "signature_def": {\n')
  const dim = [-1, 1].map((size) => ({ size: `${size}`, name: '' }))
  const signature = {
    inputs: {
      inputs: {
        dtype: 'DT_STRING',
        tensor_shape: { dim: [], unknown_rank: true },
        name: 'tf_example:0',
      },
    },
    outputs: {
      outputs: { dtype: 'DT_FLOAT', tensor_shape: { dim, unknown_rank: false }, name: 'y:0' },
    },
    method_name: methodName,
    defaults: {},
  }
  expect(JSON.parse(body.toString())).toEqual({
    model_spec: { name: 'default', signature_name: '', version: '123' },
    metadata: { signature_def: { signature_def: { regress_x_to_y: signature } } },
  })
})

test('cases 22, 41 and 42: what is not there is named', () => {
  expect(notServed({ name: 'foo' })).toMatchObject({
    code: 'NOT_FOUND',
    message: 'Servable not found for request: Latest(foo)',
  })
  expect(notServed({ name: 'foo', version: 50n }).message).toBe(
    'Servable not found for request: Specific(foo, 50)',
  )
  expect(notKnown({ name: 'foo' }).message).toBe('Could not find any versions of model foo')
  expect(notKnown({ name: 'foo', version: 125n }).message).toBe(
    'Could not find version 125 of model foo',
  )
})
