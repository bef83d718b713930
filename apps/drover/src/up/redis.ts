import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type RedisServer, startRedisServer } from '@drover/jobs'
import type { OnChild } from './child.ts'

const RESTART_MS = 200
const SOCKET = 'redis.sock'
/** The kernel's limit for the path of a Unix socket, on the platform with the lowest. */
const SOCKET_PATH_BYTES_MAX = 103

/** The Redis of a local Drover, kept running. */
export interface KeptRedis {
  url: string
  stop: () => Promise<void>
}

/**
 * A private Redis on a Unix socket, which keeps what it holds in `<home>/redis` and is started
 * again whenever it ends by itself; or the given one, which is left alone.
 */
export async function keepRedis(
  home: string,
  given: string | undefined,
  onChild: OnChild,
): Promise<KeptRedis> {
  if (given !== undefined) return { url: given, stop: async () => {} }
  const directory = join(resolve(home), 'redis')
  await mkdir(directory, { recursive: true })
  const { socket, remove } = await makeSocketFolder(directory)
  const state = { stopping: false }
  let server: RedisServer = await startRedisServer({ directory, socket })
  const kept = (async () => {
    while (!state.stopping) {
      await server.ended
      if (state.stopping) return
      onChild({ name: 'redis', kind: 'ended', why: 'the process ended' })
      await new Promise((done) => setTimeout(done, RESTART_MS))
      server = await startRedisServer({ directory, socket }).catch((error: unknown) => {
        onChild({
          name: 'redis',
          kind: 'ended',
          why: error instanceof Error ? error.message : 'it did not start again',
        })
        return server
      })
    }
  })()
  return {
    url: server.url,
    async stop() {
      state.stopping = true
      await server.stop()
      await kept
      await remove()
    },
  }
}

/** Beside its data where the kernel takes so long a path, else in a fresh private folder. */
async function makeSocketFolder(
  directory: string,
): Promise<{ socket: string; remove: () => Promise<void> }> {
  const beside = join(directory, SOCKET)
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) {
    return { socket: beside, remove: async () => {} }
  }
  const folder = await mkdtemp(join(tmpdir(), 'drover-'))
  return {
    socket: join(folder, SOCKET),
    remove: async () => await rm(folder, { recursive: true, force: true }),
  }
}
