import { readFile } from 'node:fs/promises'
import { openKube } from '@drover/kube'
import { openQueue, startWorker, watchRedis } from '@drover/jobs'
import { openStore } from '@drover/model-store'
import { listen, makeLog, runService } from '@drover/service'
import { makeRestarterApi } from './api.ts'
import { makeCluster } from './cluster.ts'
import { accessOf, limitsOf, readConfig } from './config.ts'
import { FIELD_MANAGER } from './observed.ts'
import { makeRestarter } from './restarter.ts'

const config = readConfig()
const log = makeLog('restarter')
const readToken = async (path: string | undefined) =>
  path === undefined ? undefined : (await readFile(path, 'utf8')).trim()

await runService(log, config.DROVER_FOLLOW_PARENT, async (stop) => {
  const { DROVER_FLEET: fleet, DROVER_REDIS_URL: url, DROVER_PREFIX: prefix } = config
  const place = url === undefined ? undefined : { url, prefix }
  const onError = (err: unknown) => log.warn({ err }, 'will try again')
  await using store = await openStore(config.DROVER_STORE)
  const { DROVER_DEPLOYMENT: deployment } = config
  await using kube =
    deployment === undefined
      ? undefined
      : await openKube({ ...accessOf(config), fieldManager: FIELD_MANAGER })
  const cluster = kube && makeCluster({ kube, deployment: deployment ?? '', onError })
  const dryRun = config.DROVER_DRY_RUN
  await using publisher = place && openQueue({ name: 'publish' }, place)
  const restarter = makeRestarter({
    store,
    fleet,
    onError,
    servers: config.DROVER_SERVERS,
    serversToken: await readToken(config.DROVER_SERVERS_TOKEN_FILE),
    instance: config.DROVER_INSTANCE,
    dryRun,
    cluster,
    delivery: config.DROVER_DELIVERY,
    limits: limitsOf(config),
    windows: config.DROVER_WINDOWS,
    scanMs: config.DROVER_SCAN_MS,
    stateMs: config.DROVER_STATE_MS,
    nudgePublisher: async (traceparent) =>
      await publisher?.nudge({ fleet, ...(traceparent !== undefined && { traceparent }) }),
    onNote: (note) => log.info(note, dryRun ? 'would be decided' : 'decided'),
  })
  const token = await readToken(config.DROVER_TOKEN_FILE)
  const { DROVER_HOST: host, DROVER_PORT: port } = config
  await using api = await listen(makeRestarterApi(restarter, { log, token }), { host, port })
  const nudge = async ({ traceparent }: { traceparent?: string | undefined }) =>
    restarter.nudge(traceparent)
  await using worker = place && startWorker({ name: 'rollout', fleet }, place, nudge, { onError })
  await using watch = place && watchRedis(place, { onReturn: () => restarter.nudge() })
  log.info({ url: api.url, dryRun }, 'started')
  await restarter.run(stop)
})
