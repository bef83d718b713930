import { type Config, readAws } from '../config.ts'
import { CliError, Exit, type Output } from '../output.ts'
import { readFlights, type SampleTenant } from '../sample/flights.ts'
import type { Staged } from '../stage.ts'
import { PORT_NAMES, type PortName } from '../up/apps.ts'
import { type Row, renderChange, renderTable } from '../up/table.ts'
import { checkBeforeStart } from '../up/check.ts'
import { describeSession, type Running, startLocal } from '../up/up.ts'
import { readView } from '../views.ts'
import { watchModels } from '../watch.ts'
import { type Context, openContext } from './context.ts'
import { sendSample } from './onboard.ts'
import { nameOf, report } from './report.ts'

const REDRAW_MS = 200
const SETTLE_MS_MAX = 15 * 60_000
const PORT_MAX = 65_535
const SENT_AT_ONCE = 4
const PRIVATE_UMASK = 0o077

export interface UpCommandOptions {
  once: boolean
  sample: string
  airports: number
  port: string[]
  commands?: string
}

/** `drover up`: the whole loop on this machine, and the sample through it. */
export async function upCommand(
  config: Config,
  output: Output,
  options: UpCommandOptions,
): Promise<void> {
  // What the parts write is for this user alone: data, versions, logs.
  process.umask(PRIVATE_UMASK)
  const interrupted = listenForInterrupt()
  const ports = parsePorts(options.port)
  await checkBeforeStart(ports, {
    commandsFile: options.commands,
    allowedOperations: config.DROVER_ALLOWED_OPERATIONS,
  })
  const running = await startLocal(
    {
      home: config.DROVER_HOME,
      ports,
      redisUrl: config.DROVER_REDIS_URL,
      store: config.DROVER_STORE,
      aws: readAws(),
      commandsFile: options.commands,
      allowedOperations: config.DROVER_ALLOWED_OPERATIONS,
      path: config.PATH,
      userHome: config.HOME,
    },
    output,
  )
  try {
    for (const line of describeSession(running.session)) output.progress(line)
    await runSample(config, output, options, running, interrupted)
    if (!options.once) await untilAborted(interrupted)
  } catch (error) {
    if (!interrupted.aborted) throw error
  } finally {
    output.progress('stopping')
    await running.stop()
  }
  if (options.once && interrupted.aborted) process.exitCode = Exit.INTERRUPTED
}

function listenForInterrupt(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort())
  }
  return stop.signal
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function parsePorts(ports: readonly string[]): Map<PortName, number> {
  return new Map(
    ports.map((text) => {
      const [name, number] = text.split('=')
      const known = PORT_NAMES.find((each) => each === name)
      const port = Number(number)
      if (known === undefined || !Number.isInteger(port) || port < 1 || port > PORT_MAX) {
        const names = PORT_NAMES.join(', ')
        throw new CliError(Exit.USAGE, `--port ${text}: give <name>=<number>, with one of ${names}`)
      }
      return [known, port]
    }),
  )
}

async function runSample(
  config: Config,
  output: Output,
  options: UpCommandOptions,
  running: Running,
  interrupted: AbortSignal,
): Promise<void> {
  if (options.sample === 'none') return
  const context = openContext(config.DROVER_HOME, output, running.session)
  const samples = (await readFlights()).slice(0, options.airports)
  const startedAt = performance.now()
  const stages = watchSample(context, samples, startedAt, interrupted)
  const [settled] = await Promise.all([stages, sendAll(context, samples)])
  const seconds = Math.round(performance.now() - startedAt) / 1_000
  await report(context, { samples, stages: settled, seconds, once: options.once })
}

/** A few at a time, as clients come: the scheduler puts them in their order. */
async function sendAll(context: Context, samples: readonly SampleTenant[]): Promise<void> {
  const waiting = [...samples]
  const send = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await sendSample(context, next)
    }
  }
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, send))
}

/** The table on a terminal, a line for each change elsewhere, until every client is settled. */
async function watchSample(
  context: Context,
  samples: readonly SampleTenant[],
  startedAt: number,
  interrupted: AbortSignal,
): Promise<Map<string, Staged>> {
  const { output } = context
  const secondsSince = () => (performance.now() - startedAt) / 1_000
  const rows = new Map<string, Row>()
  for (const { tenant } of samples) {
    rows.set(nameOf(tenant), { tenant, stage: 'queued', note: '', seconds: 0 })
  }
  const redraw = () => output.redraw(renderTable(Array.from(rows.values())))
  const timer = output.isTerminal && !output.json ? setInterval(redraw, REDRAW_MS) : undefined
  const signal = AbortSignal.any([interrupted, AbortSignal.timeout(SETTLE_MS_MAX)])
  try {
    return await watchModels(
      Array.from(rows.keys()),
      async (name) => await readView(context, name),
      {
        signal,
        onStage: (name, staged) => {
          const row = { tenant: rows.get(name)?.tenant ?? name, ...staged, seconds: secondsSince() }
          rows.set(name, row)
          if (timer === undefined) output.progress(renderChange(row))
        },
      },
    )
  } finally {
    clearInterval(timer)
    if (timer !== undefined) redraw()
  }
}
