// Calls of gRPC by a client that says what a test has it say, and a clock that a test moves.

import { onTestFinished, vi } from 'vitest'
import { FrameType } from '../http2/frames.ts'
import { frameOf } from './grpc.ts'
import { END_HEADERS, END_STREAM, frame, GREETING, RawClient, requestBlock } from './http2.ts'

/** A client that has said what every client says first. */
export function greet(address: string): RawClient {
  const client = new RawClient(Number(new URL(`http://${address}`).port))
  client.send(GREETING)
  return client
}

/** The headers of a call, behind which nothing comes. */
export const beginning = (stream: number, path: string): Buffer =>
  frame(
    FrameType.HEADERS,
    { stream, flags: END_HEADERS },
    requestBlock({ ':path': path, 'content-type': 'application/grpc' }),
  )

/** A whole call with an empty message. */
export const calling = (stream: number, path: string): Buffer =>
  Buffer.concat([
    beginning(stream, path),
    frame(FrameType.DATA, { stream, flags: END_STREAM }, frameOf(Buffer.alloc(0))),
  ])

/** Answers the ping behind the announcement that the connection ends, once that has come. */
export async function haveRead(client: RawClient): Promise<void> {
  const [ping] = await client.until(FrameType.PING)
  client.send(frame(FrameType.PING, { flags: 1 }, ping?.payload))
}

/** Time stands still until the test ends, unless it is moved by `vi`; what goes over sockets goes on. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
}
