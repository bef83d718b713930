// Clients that know nothing of Kubernetes, as their libraries make them.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { PredictionService } from '@drover/serving-api'
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { z } from 'zod'

/** Whoever hangs is given up, and has failed long before. */
const HANGS_MS = 10_000
const AGAIN_MS = 50
const AGAIN_MAX = 40

/** Asks a model for its answer to a number. */
export type Ask = (model: string, x: number) => Promise<number>

const Predictions = z.object({ predictions: z.tuple([z.number()]) })

const refusal = (status: number | undefined, words: string) => new Error(`${status}: ${words}`)

/** One connection at a time that is kept and used again, without retries. */
export function restClient(url: string): Ask {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return async (model, x) => {
    const body = JSON.stringify({ instances: [x] })
    const headers = { 'content-length': Buffer.byteLength(body) }
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { method: 'POST', agent, headers, signal: AbortSignal.timeout(HANGS_MS) }
      const sent = request(`${url}/v1/models/${model}:predict`, options, (response) => {
        const { statusCode } = response
        const isRight = statusCode === 200
        const said = text(response)
        const told = said.then((words) =>
          isRight ? words : Promise.reject(refusal(statusCode, words)),
        )
        told.then(resolve, reject)
      })
      const { reusedSocket } = sent
      sent.once('error', (cause) =>
        reject(
          new Error(`${cause.message}, ${reusedSocket ? 'old' : 'new'} connection`, { cause }),
        ),
      )
      sent.end(body)
    })
    return Predictions.parse(JSON.parse(answer)).predictions[0]
  }
}

/** A channel with default settings; with retries only those that a service config turns on. */
export function grpcClient(address: string, hasRetries: boolean): Ask {
  const policy = {
    maxAttempts: 5,
    // Long enough for a dead server's address to be taken from the Service.
    initialBackoff: '0.5s',
    maxBackoff: '2s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  }
  const config = JSON.stringify({ methodConfig: [{ name: [{}], retryPolicy: policy }] })
  const options = hasRetries ? { 'grpc.service_config': config } : {}
  const client = new Client(address, credentials.createInsecure(), options)
  const { input, output, parent, name } = PredictionService.method.predict
  return async (model, x) => {
    const message = create(input, {
      modelSpec: { name: model },
      inputs: { x: { dtype: 1, tensorShape: { dim: [{ size: 1n }] }, floatVal: [x] } },
    })
    const answer = await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest<Uint8Array, Buffer>(
        `/${parent.typeName}/${name}`,
        (bytes) => Buffer.from(bytes),
        (bytes) => bytes,
        toBinary(input, message),
        new Metadata(),
        { deadline: Date.now() + HANGS_MS },
        (error: ServiceError | null, said) =>
          error !== null || said === undefined ? reject(error) : resolve(said),
      )
    })
    return fromBinary(output, answer).outputs['y']?.floatVal[0] ?? NaN
  }
}

/** Asks again for a while where nobody answers, as a client does that is made for servers that may die. */
export function withRetries(ask: Ask): Ask {
  return async (model, x) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask(model, x)
      } catch (error) {
        if (attempt === AGAIN_MAX) throw error
        await new Promise((done) => setTimeout(done, AGAIN_MS))
      }
    }
  }
}
