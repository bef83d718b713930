// PredictionService: which model is asked, what of it, and what comes back.

import {
  classify,
  decodeInferenceRequest,
  decodeMultiInferenceRequest,
  decodePredictRequest,
  encodeClassificationResponse,
  encodeMultiInferenceResponse,
  encodePredictResponse,
  encodeRegressionResponse,
  findPredictSignature,
  fitPredict,
  type InferenceRequest,
  type Inferring,
  type ModelSpec,
  multiInfer,
  type MultiInferenceRequest,
  type PredictRequest,
  regress,
  ServingError,
  signatureNameOf,
  specOfTasks,
} from '@drover/serving-api'
import type { Call, Core, Found, Outputs } from '../serving/core.ts'
import {
  checkMetadataRequest,
  decodeMetadataRequest,
  encodeMetadata,
  type MetadataRequest,
} from './metadata.ts'

/** What flags say about answers. */
export interface PredictionOptions {
  /** `--enable_serialization_as_tensor_content`: tensors of answers are bytes. */
  writesTensorContent: boolean
  /** `--enable_signature_method_name_check`. */
  checksMethodNames: boolean
}

/** Upstream's defaults. */
export const PREDICTION_DEFAULTS: PredictionOptions = {
  writesTensorContent: false,
  checksMethodNames: false,
}

/** One request to a version that was found for it. */
interface Asked {
  core: Core
  found: Found
  deadlineMs: number
  options: PredictionOptions
}

type Answer = Uint8Array | Promise<Uint8Array>

/** How a method goes; `Request` is what it reads its message as. */
interface Steps<Request> {
  /** What it is counted as. */
  api: string
  /** Throws INTERNAL for bytes that are no such message. */
  read: (body: Uint8Array) => Request
  /** Undefined where the request has none. */
  specOf: (request: Request) => ModelSpec | undefined
  /** What is wrong with it whatever is served. */
  check?: (request: Request) => void
  answer: (request: Request, asked: Asked) => Answer
}

const PREDICT: Steps<PredictRequest> = {
  api: 'predict',
  read: decodePredictRequest,
  specOf: ({ spec }) => spec,
  answer: answerPredict,
}

const CLASSIFY: Steps<InferenceRequest> = {
  api: 'classify',
  read: decodeInferenceRequest,
  specOf: ({ spec }) => spec,
  answer: async (request, asked) => {
    const { spec, examples } = request
    const input = { signatureName: spec?.signatureName ?? '', examples }
    return encodeClassificationResponse(
      answeredSpec(asked, spec),
      await classify(inferringOf(asked), input),
    )
  },
}

const REGRESS: Steps<InferenceRequest> = {
  api: 'regress',
  read: decodeInferenceRequest,
  specOf: ({ spec }) => spec,
  answer: async ({ spec, examples }, asked) => {
    const input = { signatureName: spec?.signatureName ?? '', examples }
    return encodeRegressionResponse(
      answeredSpec(asked, spec),
      await regress(inferringOf(asked), input),
    )
  },
}

const MULTI_INFERENCE: Steps<MultiInferenceRequest> = {
  api: 'multi_inference',
  read: decodeMultiInferenceRequest,
  specOf: ({ tasks }) => specOfTasks(tasks),
  answer: async (request, asked) =>
    encodeMultiInferenceResponse(asked.found, await multiInfer(inferringOf(asked), request)),
}

const METADATA: Steps<MetadataRequest> = {
  api: 'metadata',
  read: decodeMetadataRequest,
  specOf: ({ spec }) => spec,
  check: checkMetadataRequest,
  answer: (_request, { found }) => encodeMetadata(found),
}

/** Answers a method; the bytes of one message each way. */
export type Prediction = (
  core: Core,
  body: Uint8Array,
  options: PredictionOptions & { deadlineMs: number },
) => Answer

/** The methods of PredictionService by name. All throw `ServingError`, and count what they answered. */
export const PREDICTIONS: Readonly<Record<string, Prediction>> = {
  Predict: followingSteps(PREDICT),
  Classify: followingSteps(CLASSIFY),
  Regress: followingSteps(REGRESS),
  MultiInference: followingSteps(MULTI_INFERENCE),
  GetModelMetadata: followingSteps(METADATA),
}

function followingSteps<Request>(steps: Steps<Request>): Prediction {
  return (core, body, options) => {
    const startMs = performance.now()
    let name: string | undefined
    const count = (code: ServingError['code'] | 'OK'): void => {
      const latencyMs = performance.now() - startMs
      core.observe({ name, entrypoint: 'GRPC', api: steps.api, code, latencyMs })
    }
    const fail = (error: unknown): never => {
      count(error instanceof ServingError ? error.code : 'INTERNAL')
      throw error
    }
    try {
      const request = steps.read(body)
      const spec = steps.specOf(request)
      if (spec === undefined) throw new ServingError('INVALID_ARGUMENT', 'Missing ModelSpec')
      name = spec.name
      const answer = follow(steps, request, { core, spec, options })
      if (answer instanceof Promise)
        return answer.then((bytes) => {
          count('OK')
          return bytes
        }, fail)
      count('OK')
      return answer
    } catch (error) {
      return fail(error)
    }
  }
}

function follow<Request>(
  { check, answer }: Steps<Request>,
  request: Request,
  {
    core,
    spec,
    options,
  }: { core: Core; spec: ModelSpec; options: PredictionOptions & { deadlineMs: number } },
): Answer {
  check?.(request)
  if (spec.name === '')
    throw new ServingError('INVALID_ARGUMENT', 'ModelSpec has no name specified.')
  const { deadlineMs } = options
  const found = core.find(spec)
  return found instanceof Promise
    ? found.then(async (each) => await answer(request, { core, found: each, deadlineMs, options }))
    : answer(request, { core, found, deadlineMs, options })
}

/** As it is where it is there at once: nothing waits in the way of a small model. */
function answerPredict(request: PredictRequest, asked: Asked): Answer {
  const { found, options } = asked
  const signature = signatureNameOf(request.spec)
  const { inputs, outputs } = fitPredict(
    findPredictSignature(found.signatures, signature),
    request,
    {
      checkMethodName: options.checksMethodNames,
    },
  )
  const write = (answered: Outputs): Uint8Array =>
    encodePredictResponse(answeredSpec(asked, request.spec), answered, {
      asTensorContent: options.writesTensorContent,
    })
  const answered = run(asked, { signature, inputs, outputs })
  return answered instanceof Promise ? answered.then(write) : write(answered)
}

const run = ({ core, found, deadlineMs }: Asked, call: Omit<Call, 'deadlineMs'>) =>
  core.run(found, { ...call, deadlineMs })

const inferringOf = (asked: Asked): Inferring => ({
  signatures: asked.found.signatures,
  checkMethodName: asked.options.checksMethodNames,
  run: (call) => run(asked, call),
})

const answeredSpec = ({ found }: Asked, spec: ModelSpec | undefined) => ({
  name: found.name,
  version: found.version,
  signatureName: signatureNameOf(spec),
})
