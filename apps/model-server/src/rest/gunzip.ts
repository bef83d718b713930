import { createGunzip } from 'node:zlib'
import type { Body } from './held.ts'
import { NOTHING, TooLarge } from './reply.ts'

/** What zlib's threads inflate at a time. */
const CHUNK_BYTES = 64 * 1024
const LENGTH_BYTES = 4

/** Whether a body is compressed, by upstream's reading of its header. */
export const isGzip = (contentEncoding: string | undefined): boolean =>
  contentEncoding?.includes('gzip') === true

/**
 * Inflates a body in zlib's own threads, into another. One that is no gzip, or larger than a body may
 * be, is an empty body, as upstream has it. Throws RESOURCE_EXHAUSTED where too much is held already.
 */
export async function gunzip(bytes: Buffer, body: Body): Promise<Buffer> {
  const stream = createGunzip({ chunkSize: CHUNK_BYTES })
  stream.end(bytes)
  try {
    for await (const piece of stream) body.add(piece)
    // Upstream inflates into as much memory as the last bytes say.
    return body.sizeBytes === lengthOf(bytes) ? await body.whole() : NOTHING
  } catch (error) {
    if (error instanceof TooLarge || isOfZlib(error)) return NOTHING
    throw error
  } finally {
    stream.destroy()
  }
}

const lengthOf = (bytes: Buffer): number =>
  bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt32LE(bytes.length - LENGTH_BYTES)

const isOfZlib = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
