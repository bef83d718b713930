import { fstatSync } from 'node:fs'
import { once } from 'node:events'
import { type Log, makeLog, runService } from '@drover/service'
import { type Flags, logLevel, readFlags, usage, version } from './config.ts'
import { startModelServer } from './model-server.ts'

const flags = flagsOrUsage()
if (flags.help) print(usage())
else if (flags.version) print(`drover-model-server ${version()}\n`)
else await serve(flags, makeLog('model-server'))

function print(text: string): void {
  process.stdout.write(text)
}

function flagsOrUsage(): Flags {
  try {
    return readFlags(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : 'these flags cannot be read'}\n${usage()}`,
    )
    process.exit(1)
  }
}

async function serve(
  { rest_api_port: port, rest_api_host: host, listen_fds: fd, ...rest }: Flags,
  log: Log,
): Promise<void> {
  log.level = logLevel()
  const isFollowing = rest.follow_parent ?? fd !== undefined
  await runService(log, isFollowing && isPipe(0), async (stop) => {
    const own = port === 0 ? undefined : { host, port }
    const { url, asked, drain } = await startModelServer({
      log,
      rest: fd === undefined ? own : { fd },
      acceptLater: rest.accept_later,
      adminSocketPath: rest.admin_socket_path,
      modelConfigFile: rest.model_config_file,
      timeoutMs: rest.rest_api_timeout_in_ms,
    })
    const orphaned = new AbortController()
    if (isFollowing) process.once('disconnect', () => orphaned.abort())
    log.info({ url, pid: process.pid }, 'started')
    const ended = AbortSignal.any([stop, asked, orphaned.signal])
    if (!ended.aborted) await once(ended, 'abort')
    await drain()
  })
}

/** Standard input tells of the parent's end only where it is a pipe of the parent's. */
function isPipe(fd: number): boolean {
  const found = fstatSync(fd)
  return found.isFIFO() || found.isSocket()
}
