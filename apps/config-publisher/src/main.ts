import { mkdir, rm } from 'node:fs/promises'
import { startProbe } from '@drover/inference'
import { openStore } from '@drover/model-store'
import { listen, makeLog, runService } from '@drover/service'
import { makePublisherApi } from './api.ts'
import { makeConfigPublisher } from './config-publisher.ts'
import { readConfig, readToken } from './config.ts'

const config = readConfig()
const log = makeLog('config-publisher')

await runService(log, config.DROVER_FOLLOW_PARENT, async (stop) => {
  const { DROVER_WORK: workDirectory, DROVER_HOST: host, DROVER_PORT: port } = config
  await rm(workDirectory, { recursive: true, force: true })
  await mkdir(workDirectory, { recursive: true })
  await using store = await openStore(config.DROVER_STORE)
  await using probe = startProbe({ allowedOperations: config.DROVER_ALLOWED_OPERATIONS })
  const publisher = makeConfigPublisher({
    store,
    probe,
    log,
    workDirectory,
    place: { url: config.DROVER_REDIS_URL, prefix: config.DROVER_PREFIX },
    fleet: config.DROVER_FLEET,
    probeMs: config.DROVER_PROBE_MS,
    scanMs: config.DROVER_SCAN_MS,
    fullScanMs: config.DROVER_FULL_SCAN_MS,
  })
  const api = makePublisherApi(publisher, readToken(config.DROVER_TOKEN_FILE))
  await using listening = await listen(api, { host, port })
  log.info({ url: listening.url }, 'started')
  await publisher.run(stop)
  await rm(workDirectory, { recursive: true, force: true })
})
