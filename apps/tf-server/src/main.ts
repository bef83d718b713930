import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { openStore } from '@drover/model-store'
import { makeLog, runService } from '@drover/service'
import { modelServerEnv, readConfig } from './config.ts'
import { openLater } from './pull/later.ts'
import { pullOnce } from './pull/once.ts'
import { startTfServer } from './tf-server.ts'

const COMMANDS = ['run', 'agent', 'pull']
const [command = 'run', ...more] = process.argv.slice(2)
if (!COMMANDS.includes(command) || more.length > 0) {
  process.stderr.write(`tf-server [${COMMANDS.join('|')}]; its settings are in the environment\n`)
  process.exit(2)
}
// An agent alone drives a server that somebody else starts.
const kind = command === 'agent' ? { DROVER_SERVER_KIND: 'sidecar' } : {}
const config = readConfig(undefined, kind)
/** What else has to be closed is done within this; the manifests' grace has room for it. */
const CLOSE_MS_MAX = 10_000
const stopMsMax = config.DROVER_STOP_WAIT_MS + config.DROVER_STOP_DRAIN_MS + CLOSE_MS_MAX
const log = makeLog('tf-server').child({ server: config.DROVER_SERVER })
const { DROVER_STORE: location, DROVER_FLEET: fleet, DROVER_CACHE: cache } = config
const { DROVER_CONFIG: named } = config
const cacheBytesMax = config.DROVER_CACHE_BYTES_MAX

if (command === 'pull') await pull()
else await serve()

/** Brings what a server starts with into the cache, and ends. */
async function pull(): Promise<void> {
  try {
    await using store = await openStore(location, { create: false })
    const { ref, versions, faults } = await pullOnce({
      store,
      fleet,
      cache,
      cacheBytesMax,
      named,
    })
    for (const fault of faults) log.error(fault, 'version is wrong in the store')
    log.info({ ...ref, versions, faults: faults.length }, 'pulled')
  } catch (err) {
    log.fatal({ err }, 'nothing is pulled')
    process.exitCode = 1
  }
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).trim()
}

async function serve(): Promise<void> {
  await runService(
    log,
    config.DROVER_FOLLOW_PARENT,
    async (stop) => {
      const token = await readToken(config.DROVER_TOKEN_FILE)
      const metricsToken = await readToken(config.DROVER_METRICS_TOKEN_FILE)
      const open = async () => await openStore(location, { create: false, isCached: true })
      await using store = openLater(open)
      await using server = await startTfServer({
        server: config.DROVER_SERVER,
        fleet,
        named,
        store,
        storeName: location,
        cache,
        cacheBytesMax,
        cacheAgeMaxMs: config.DROVER_CACHE_AGE_MAX,
        pollMs: config.DROVER_POLL_MS,
        kind: config.DROVER_SERVER_KIND,
        modelServer: config.DROVER_MODEL_SERVER,
        modelServerFlags: config.DROVER_MODEL_SERVER_FLAGS,
        allowedOperations: config.DROVER_ALLOWED_OPERATIONS,
        modelServerEnv: modelServerEnv(),
        rest: { host: config.DROVER_REST_HOST, port: config.DROVER_REST_PORT },
        grpcPort: config.DROVER_GRPC_PORT,
        workers: config.DROVER_WORKERS,
        stopWaitMs: config.DROVER_STOP_WAIT_MS,
        stopDrainMs: config.DROVER_STOP_DRAIN_MS,
        api: { host: config.DROVER_HOST, port: config.DROVER_PORT, token, metricsToken },
        log,
      })
      const { url, restUrl, grpcAddress } = server
      log.info({ url, restUrl, grpcAddress }, 'started')
      if (!stop.aborted) await once(stop, 'abort')
    },
    { stopMsMax },
  )
}
