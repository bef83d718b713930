// What upstream says when it has started or has not, in its words: scripts wait for these lines.

import { reasonOf } from '@drover/basics'
import { ServingError } from '@drover/serving-api'
import type { Flags } from './config.ts'
import type { Listening } from './serving/messages.ts'

/** Upstream ends with -1 where it does not start. */
export const NOT_STARTED_CODE = 255

/** Says why there is no server: on standard output as upstream, and on standard error, which is for errors. */
export function tellWhyNot(error: unknown): void {
  const why = error instanceof ServingError ? `${error.code}: ${error.message}` : reasonOf(error)
  const text = `Failed to start server. Error: ${why}\n`
  process.stdout.write(text)
  process.stderr.write(text)
}

/** Says on standard error that the ports are open. */
export function tellListening({ grpc, rest }: Flags, listening: Listening): void {
  const lines: string[] = []
  if (listening.grpc !== undefined)
    lines.push(
      `Running gRPC ModelServer at ${grpc.host ?? '0.0.0.0'}:${portOf(listening.grpc)} ...`,
    )
  if (listening.unix !== undefined && grpc.socketName !== undefined)
    lines.push(`Running gRPC ModelServer at UNIX socket ${grpc.socketName} ...`)
  if (listening.rest !== undefined)
    lines.push(
      'NET_LOG: Entering the event loop ...',
      `Exporting HTTP/REST API at:${rest.host ?? 'localhost'}:${portOf(listening.rest)} ...`,
    )
  process.stderr.write(lines.map((line) => `${line}\n`).join(''))
}

const portOf = (place: string): string => place.slice(place.lastIndexOf(':') + 1)
