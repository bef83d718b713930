// Methods whose messages the generated code reads and writes.

import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { ModelSpec, PredictionService } from '@drover/serving-api'
import { unreadable } from './status.ts'
import type { Unary } from './unary-call.ts'

/** What HTTP/2 calls a method. */
export const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`

/** Reads a message. Throws INTERNAL, as gRPC does, for bytes that are none. */
export function decode<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw unreadable(`The request is no ${schema.typeName}`, cause)
  }
}

/** Writes a message. */
export const encode = <Desc extends DescMessage>(
  schema: Desc,
  message: MessageInitShape<Desc>,
): Uint8Array => toBinary(schema, create(schema, message))

/** A method that is answered from message to message. */
export function unaryOf<Input extends DescMessage, Output extends DescMessage>(
  { input, output }: DescMethodUnary<Input, Output>,
  answer: (
    request: MessageShape<Input>,
    deadlineMs: number,
  ) => MessageInitShape<Output> | Promise<MessageInitShape<Output>>,
): Unary {
  return (body, { deadlineMs }) => {
    const answered = answer(decode(input, body), deadlineMs)
    return answered instanceof Promise
      ? answered.then((message) => encode(output, message))
      : encode(output, answered)
  }
}

type SpecMessage = NonNullable<
  MessageShape<typeof PredictionService.method.getModelMetadata.input>['modelSpec']
>

/** What a generated ModelSpec asks for. */
export function choiceOf({ name, signatureName, versionChoice }: SpecMessage): ModelSpec {
  const { case: kind, value } = versionChoice
  switch (kind) {
    case 'version':
      return { name, signatureName, version: value.value }
    case 'versionLabel':
      return { name, signatureName, label: value }
    case undefined:
      return { name, signatureName }
  }
}
