// The floors, as programs: `http` reads a body with JSON.parse and answers ten numbers; `grpc` gives
// back the bytes that it got.

import { createServer } from 'node:http'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { z } from 'zod'

const Body = z.object({ instances: z.unknown() })
const ANSWER = { predictions: [Array.from({ length: 10 }, (_, index) => 0.1 + index / 1_000)] }
const [, , kind] = process.argv

const started = (port: number): void => {
  console.log(JSON.stringify({ msg: 'started', port }))
}
const same = (bytes: Buffer): Buffer => bytes

if (kind === 'http') {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const [first = Buffer.alloc(0)] = chunks
      const whole = chunks.length === 1 ? first : Buffer.concat(chunks)
      const body: { instances?: unknown } = JSON.parse(whole.toString())
      if (body.instances === undefined) Body.parse(body)
      const answer = JSON.stringify(ANSWER)
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(answer),
      })
      response.end(answer)
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const place = server.address()
    if (typeof place === 'object' && place !== null) started(place.port)
  })
} else {
  const server = new Server()
  const path = '/tensorflow.serving.PredictionService/Predict'
  const method = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  } as const
  server.addService(
    { Predict: method },
    {
      Predict: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) =>
        done(null, call.request),
    },
  )
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error
    started(port)
  })
}
