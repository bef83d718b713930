import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { openPosixStore } from '@drover/model-store'
import { makeLog, runService } from '@drover/service'
import { modelServerEnv, readConfig } from './config.ts'
import { openLater } from './pull/later.ts'
import { startTfServer } from './tf-server.ts'

const config = readConfig()
/** What else has to be closed is done within this. */
const CLOSE_MS_MAX = 10_000
const stopMsMax = config.DROVER_STOP_WAIT_MS + config.DROVER_STOP_DRAIN_MS + CLOSE_MS_MAX
const log = makeLog('tf-server').child({ server: config.DROVER_SERVER })

await runService(
  log,
  config.DROVER_FOLLOW_PARENT,
  async (stop) => {
    const tokenFile = config.DROVER_TOKEN_FILE
    const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
    const { DROVER_STORE: directory } = config
    await using store = openLater(async () => await openPosixStore(directory, { create: false }))
    await using server = await startTfServer({
      server: config.DROVER_SERVER,
      fleet: config.DROVER_FLEET,
      store,
      storeName: directory,
      cache: config.DROVER_CACHE,
      cacheBytesMax: config.DROVER_CACHE_BYTES_MAX,
      cacheAgeMaxMs: config.DROVER_CACHE_AGE_MAX,
      pollMs: config.DROVER_POLL_MS,
      kind: config.DROVER_SERVER_KIND,
      modelServer: config.DROVER_MODEL_SERVER,
      modelServerFlags: config.DROVER_MODEL_SERVER_FLAGS,
      modelServerEnv: modelServerEnv(),
      rest: { host: config.DROVER_REST_HOST, port: config.DROVER_REST_PORT },
      grpcPort: config.DROVER_GRPC_PORT,
      workers: config.DROVER_WORKERS,
      stopWaitMs: config.DROVER_STOP_WAIT_MS,
      stopDrainMs: config.DROVER_STOP_DRAIN_MS,
      api: { host: config.DROVER_HOST, port: config.DROVER_PORT, token },
      log,
    })
    const { url, restUrl, grpcAddress } = server
    log.info({ url, restUrl, grpcAddress }, 'started')
    if (!stop.aborted) await once(stop, 'abort')
  },
  { stopMsMax },
)
