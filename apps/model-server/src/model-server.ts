import { once } from 'node:events'
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { loadServable, startTensorflowHost } from '@drover/inference'
import { parseModelServerConfig } from '@drover/model-config'
import type { Log } from '@drover/service'
import { type Limits, LIMITS } from './limits.ts'
import { makeAdmin } from './ports/admin.ts'
import { makeDataPort } from './ports/data.ts'
import { drain } from './ports/drain.ts'
import { listenOn, listenOnSocket, type Place } from './ports/listen.ts'
import { discover } from './served/discover.ts'
import { Models } from './served/models.ts'

export interface ModelServerOptions {
  log: Log
  /** Where the data port listens; none without one. */
  rest?: Place | undefined
  /** Listen on the data port only when asked to on the admin socket. */
  acceptLater?: boolean | undefined
  adminSocketPath?: string | undefined
  modelConfigFile?: string | undefined
  timeoutMs: number
  limits?: Limits
}

/** A model server that listens. */
export interface ModelServer {
  /** Of the data port, if there is one and it listens. */
  url: string | undefined
  /** Aborted when somebody asked on the admin socket to drain. */
  asked: AbortSignal
  /** Answers what it has, takes nothing new, and closes. */
  drain: () => Promise<void>
}

/** Starts a model server: loads the config file's models, then listens. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { log, limits = LIMITS, timeoutMs } = options
  const tensorflow = startTensorflowHost({ runTimeoutMs: timeoutMs })
  const models = new Models({
    load: async (directory) => await loadServable(directory, { engine: 'auto', tensorflow }),
    log,
    limits,
    timeoutMs,
  })
  if (options.modelConfigFile !== undefined) await serveFile(options.modelConfigFile, models, log)

  const asking = new AbortController()
  const dataPort = makeDataPort({ models, log, limits, timeoutMs })
  const { rest } = options
  let listening: Promise<string> | undefined
  const accept = async () => await (rest && (listening ??= listenOn(dataPort.server, rest)))
  const wish = { accept, drain: () => asking.abort() }
  const admin = createServer(makeAdmin({ models, log, limits, ...wish }))
  if (options.adminSocketPath !== undefined) await listenOnSocket(admin, options.adminSocketPath)
  const url = options.acceptLater === true ? undefined : await accept()
  return {
    url,
    asked: asking.signal,
    drain: async () => {
      if (listening !== undefined) await drain(dataPort, limits)
      const closed = admin.listening ? once(admin, 'close') : undefined
      admin.close()
      admin.closeAllConnections()
      await closed
      await tensorflow[Symbol.asyncDispose]()
    },
  }
}

/** Serves what a config file lists; a model that cannot be served is told of and left out. */
async function serveFile(path: string, models: Models, log: Log): Promise<void> {
  const { models: listed } = parseModelServerConfig(await readFile(path, 'utf8'))
  const found = await Promise.all(
    listed.map(async (model) => {
      try {
        return [await discover(model)]
      } catch (err) {
        log.error({ model: model.name, err }, 'no versions found')
        return []
      }
    }),
  )
  await models.want(found.flat())
}
