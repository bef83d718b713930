import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SOCKET_PATH_BYTES_MAX, startRedisServer, waitUntilReady } from './server.ts'

const SOCKET = 'redis.sock'

/** A Redis to talk to, and the way to be rid of it. */
export interface OpenedRedis extends AsyncDisposable {
  url: string
}

export interface RedisOptions {
  /** Where a private server keeps its files; a new folder that goes with it unless told. */
  directory?: string
  /** Whether a private server keeps what is written; only with a directory of its own. */
  appendOnly?: boolean
}

/**
 * The Redis at `url`, which is left alone; or, without one, a private server from the PATH on a
 * Unix socket, which is gone when it is disposed of. Throws a JobsError when none answers in ten
 * seconds.
 */
export async function openRedis(url?: string, options: RedisOptions = {}): Promise<OpenedRedis> {
  if (url === undefined) return await startPrivateServer(options)
  await waitUntilReady(url)
  return { url, [Symbol.asyncDispose]: async () => {} }
}

async function startPrivateServer({ directory, appendOnly }: RedisOptions): Promise<OpenedRedis> {
  const kept = directory === undefined ? undefined : resolve(directory)
  const isShort =
    kept !== undefined && Buffer.byteLength(join(kept, SOCKET)) <= SOCKET_PATH_BYTES_MAX
  // Also for the socket alone, when the directory's own path is too long for one.
  const temporary = isShort ? undefined : await mkdtemp(join(tmpdir(), 'drover-redis-'))
  const remove = async () => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
  }
  try {
    if (kept !== undefined) await mkdir(kept, { recursive: true })
    const server = await startRedisServer({
      directory: kept ?? temporary ?? '',
      socket: join(temporary ?? kept ?? '', SOCKET),
      appendOnly: appendOnly ?? kept !== undefined,
    })
    const close = async () => {
      await server.stop()
      await remove()
    }
    return { url: server.url, [Symbol.asyncDispose]: close }
  } catch (error) {
    await remove()
    throw error
  }
}
