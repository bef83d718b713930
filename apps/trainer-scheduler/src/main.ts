import { openStore } from '@drover/model-store'
import { listen, makeLog, runService } from '@drover/service'
import { makeSchedulerApi } from './api.ts'
import { readCommands, readConfig, readToken } from './config.ts'
import { startTrainerScheduler } from './trainer-scheduler.ts'

const config = readConfig()
const log = makeLog('trainer-scheduler')

await runService(log, config.DROVER_FOLLOW_PARENT, async (stop) => {
  const commands = readCommands(config.DROVER_COMMANDS_FILE)
  const token = readToken(config.DROVER_TOKEN_FILE)
  await using store = await openStore(config.DROVER_STORE)
  const { DROVER_REDIS_URL: url, DROVER_PREFIX: prefix } = config
  const place = prefix === undefined ? { url } : { url, prefix }
  await using scheduler = await startTrainerScheduler({ store, place, log, config, commands })
  const api = makeSchedulerApi({ store, log, token, scheduler, commands, config })
  await using listening = await listen(api, { host: config.DROVER_HOST, port: config.DROVER_PORT })
  log.info({ url: listening.url }, 'started')
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve))
})
