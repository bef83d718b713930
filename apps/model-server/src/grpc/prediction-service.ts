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
  ManyStrings,
  type ModelSpec,
  multiInfer,
  type MultiInferenceRequest,
  type PredictRequest,
  predictResponseSteps,
  regress,
  ServingError,
  signatureNameOf,
  specOfTasks,
} from '@drover/serving-api'
import { inSlices } from '../event-loop/pace.ts'
import { isLongMetadata } from '../serving/metadata.ts'
import type { Call, Core, Found, Outputs } from '../serving/core.ts'
import {
  checkMetadataRequest,
  decodeMetadataRequest,
  encodeMetadata,
  type MetadataRequest,
} from './metadata.ts'

/** Values that take less than 0.2 ms to write, whatever they are. */
const VALUES_AT_ONCE_MAX = 4_000
/** Strings of a request that take about 2 ms to read. */
const STRINGS_HERE_MAX = 20_000
/** Longest that writing an answer holds the event loop at a stretch. */
const STRETCH_MS = 2

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
  api: string
  found: Found
  deadlineMs: number
  options: PredictionOptions
}

type Answer = Uint8Array | Promise<Uint8Array>

/** How a method goes; `Request` is what it reads its message as. */
interface Steps<Request> {
  /** What it is counted as. */
  api: string
  /**
   * Throws INTERNAL for bytes that are no such message, and `ManyStrings` for what a thread that listens
   * should not read.
   */
  read: (body: Uint8Array, stringsMax?: number) => Request
  /** Undefined where the request has none. */
  specOf: (request: Request) => ModelSpec | undefined
  /** Whether the answer would hold a thread that listens for too long. */
  isLong?: (found: Found) => boolean
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
  answer: async ({ spec, examples }, asked) => {
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
  isLong: isLongMetadata,
  answer: (_request, { found }) => encodeMetadata(found),
}

/** Answers a method; the bytes of one message each way. */
export type Prediction = (
  core: Core,
  body: Uint8Array,
  deadlineMs: number,
  options: PredictionOptions,
) => Answer

/** The methods of PredictionService by name. All throw `ServingError`, and count what they answered. */
export const PREDICTIONS: Readonly<Record<string, Prediction>> = {
  Predict: followingSteps('Predict', PREDICT),
  Classify: followingSteps('Classify', CLASSIFY),
  Regress: followingSteps('Regress', REGRESS),
  MultiInference: followingSteps('MultiInference', MULTI_INFERENCE),
  GetModelMetadata: followingSteps('GetModelMetadata', METADATA),
}

/**
 * What is passed on to the lane is counted there. Closures and copied objects are made only for requests
 * that wait: made for each, they outlive young collections, and the old ones then cost more than the rest.
 */
function followingSteps<Request>(method: string, steps: Steps<Request>): Prediction {
  return (core, body, deadlineMs, options) => {
    const counting = new Counting(core, steps.api)
    const { lane } = core
    try {
      const request = steps.read(body, lane && STRINGS_HERE_MAX)
      const found = core.find(specOf(steps, request, counting))
      if (found instanceof Promise) {
        const asked = { core, api: steps.api, deadlineMs, options }
        return counting.endedLater(answerLater(steps, request, asked, found))
      }
      if (lane !== undefined && steps.isLong?.(found) === true)
        return lane.grpc({ method, body, deadlineMs })
      const answer = steps.answer(request, { core, api: steps.api, found, deadlineMs, options })
      return answer instanceof Promise ? counting.endedLater(answer) : counting.ended(answer)
    } catch (error) {
      if (error instanceof ManyStrings && lane !== undefined)
        return lane.grpc({ method, body, deadlineMs })
      return counting.failed(error)
    }
  }
}

/** Answers by a version that is being loaded. */
async function answerLater<Request>(
  steps: Steps<Request>,
  request: Request,
  asked: Omit<Asked, 'found'>,
  found: Promise<Found>,
): Promise<Uint8Array> {
  return await steps.answer(request, { ...asked, found: await found })
}

/** The version that is asked for. Throws for a request that is wrong whatever is served. */
function specOf<Request>(steps: Steps<Request>, request: Request, counting: Counting): ModelSpec {
  const spec = steps.specOf(request)
  if (spec === undefined) throw new ServingError('INVALID_ARGUMENT', 'Missing ModelSpec')
  counting.name = spec.name
  steps.check?.(request)
  if (spec.name === '')
    throw new ServingError('INVALID_ARGUMENT', 'ModelSpec has no name specified.')
  return spec
}

/** Counts one request when it is answered. */
class Counting {
  readonly #core: Core
  readonly #api: string
  readonly #startMs = performance.now()
  /** Of the model, once it is known. */
  name: string | undefined

  constructor(core: Core, api: string) {
    this.#core = core
    this.#api = api
  }

  ended(answer: Uint8Array): Uint8Array {
    this.#count('OK')
    return answer
  }

  async endedLater(answer: Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      return this.ended(await answer)
    } catch (error) {
      return this.failed(error)
    }
  }

  failed(error: unknown): never {
    this.#count(error instanceof ServingError ? error.code : 'INTERNAL')
    throw error
  }

  #count(code: ServingError['code'] | 'OK'): void {
    const latencyMs = performance.now() - this.#startMs
    this.#core.observe({ name: this.name, entrypoint: 'GRPC', api: this.#api, code, latencyMs })
  }
}

/** Answered at once where the model answers at once. */
function answerPredict(request: PredictRequest, asked: Asked): Answer {
  const { found, options } = asked
  const signature = signatureNameOf(request.spec)
  const { inputs, outputs } = fitPredict(
    findPredictSignature(found.signatures, signature),
    request,
    { checkMethodName: options.checksMethodNames },
  )
  const answered = run(asked, { signature, inputs, outputs })
  return answered instanceof Promise
    ? encodeLater(request, asked, answered)
    : encodeAnswer(request, asked, answered)
}

async function encodeLater(
  request: PredictRequest,
  asked: Asked,
  outputs: Promise<Outputs>,
): Promise<Uint8Array> {
  return await encodeAnswer(request, asked, await outputs)
}

/** A long answer is written in stretches, between which others have their turn. */
function encodeAnswer({ spec }: PredictRequest, asked: Asked, outputs: Outputs): Answer {
  const options = { asTensorContent: asked.options.writesTensorContent }
  const answered = answeredSpec(asked, spec)
  let values = 0
  for (const tensor of Object.values(outputs)) values += tensor.values.length
  return values <= VALUES_AT_ONCE_MAX
    ? encodePredictResponse(answered, outputs, options)
    : inSlices(predictResponseSteps(answered, outputs, options), STRETCH_MS)
}

const run = (
  { core, api, found, deadlineMs }: Asked,
  { signature, inputs, outputs }: Omit<Call, 'api' | 'deadlineMs'>,
) => core.run(found, { api, signature, inputs, outputs, deadlineMs })

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
