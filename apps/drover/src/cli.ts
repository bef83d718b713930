import { reasonOf } from '@drover/basics'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type AuditOptions, auditCommand } from './commands/audit.ts'
import {
  offboardCommand,
  releaseCommand,
  restartCommand,
  rollbackCommand,
  trainCommand,
} from './commands/change.ts'
import { type Context, openContext } from './commands/context.ts'
import { releaseFleetCommand, rollbackFleetCommand } from './commands/fleet.ts'
import { type ImportOptions, importCommand } from './commands/import.ts'
import { logsCommand } from './commands/logs.ts'
import { type OnboardOptions, onboardCommand } from './commands/onboard.ts'
import { predictCommand } from './commands/predict.ts'
import { pushCommand } from './commands/push.ts'
import { statusCommand } from './commands/status.ts'
import type { UpCommandOptions } from './commands/up.ts'
import { whyCommand } from './commands/why.ts'
import type { Config } from './config.ts'
import { BUSIEST } from './sample/flights.ts'
import { CliError, Exit, makeOutput } from './output.ts'
import { readRemote, requireSession } from './session.ts'

const WAIT_SECONDS = 120
const MESSAGE_CHARACTERS_MAX = 65_536
const AUDIT_RECORDS = 50

/** Runs the command line; what it returns is the exit code. Never throws for a user's mistake. */
export async function runCli(config: Config, args: readonly string[]): Promise<number> {
  const program = makeProgram(config)
  try {
    await program.parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? Exit.OK)
  } catch (error) {
    return explain(error, args.includes('--json'))
  }
}

function explain(error: unknown, json: boolean): number {
  // Commander has said by itself what was wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.OK : Exit.USAGE
  const exit = error instanceof CliError ? error.exit : Exit.FAILED
  const message =
    error instanceof Error
      ? reasonOf(error, MESSAGE_CHARACTERS_MAX)
      : 'something was thrown that is no error'
  process.stderr.write(
    json ? `${JSON.stringify({ error: { code: exit, message } })}\n` : `drover: ${message}\n`,
  )
  return exit
}

function makeProgram(config: Config): Command {
  const program = new Command('drover')
    .description('trains, publishes and serves a TensorFlow model for every tenant')
    .exitOverride()
    .showHelpAfterError('(drover --help says more)')
  addUp(program, config)
  addChanges(program, config)
  addQuestions(program, config)
  return program
}

/** Every command has `--json`: one JSON object on stdout. */
function addCommand(program: Command, usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--json', 'one JSON object on stdout')
}

interface JsonOption {
  json?: boolean
}

/** A connection to the Drover of `DROVER_REMOTE`, or else the one that runs in `DROVER_HOME`. */
async function connect(
  { DROVER_HOME: home, DROVER_REMOTE: remote }: Config,
  { json = false }: JsonOption,
): Promise<Context> {
  const session = remote === undefined ? await requireSession(home) : await readRemote(remote)
  return openContext(home, makeOutput(json), session)
}

function addUp(program: Command, config: Config): void {
  addCommand(program, 'up', 'runs a whole Drover on this machine, and 20 real clients through it')
    .option('--once', 'stop when every client is served or rejected', false)
    .addOption(
      new Option('--sample <name>', 'whose clients come')
        .choices(['flights', 'none'])
        .default('flights'),
    )
    .option('--airports <count>', 'how many clients of the sample', toCount, BUSIEST)
    .option('--port <name=number>', 'a fixed port for a part (repeat it)', collect, [])
    .option('--commands <file>', "the operator's list of training programs, as JSON")
    .action(async (options: UpCommandOptions & JsonOption) => {
      // It alone needs the queues' packages, which take a while to load.
      const { upCommand } = await import('./commands/up.ts')
      await upCommand(config, makeOutput(options.json === true), options)
    })
}

const addWaiting = (command: Command): Command =>
  command
    .option('--no-wait', 'return at once')
    .option('--timeout <seconds>', 'how long to wait', toCount, WAIT_SECONDS)

interface ReleaseOptions extends Waiting {
  fleet?: true
  newcomers?: true
}

interface Waiting extends JsonOption {
  wait: boolean
  timeout: number
}

function addChanges(program: Command, config: Config): void {
  addWaiting(
    addCommand(program, 'onboard <tenant>', 'declares a client and waits until its model is served')
      .option('--sample <name>', 'a client of the sample: flights')
      .option('--model <name>', 'the name of its model')
      .option(
        '--recipe <name>',
        'text-classifier, command, or as JSON: {"name": "tabular-classifier", "label": "late", ' +
          '"columns": {"hour": {"type": "number"}, "city": {"type": "category"}}}',
      )
      .option('--command <name>', "for the recipe `command`: a program on the operator's list")
      .option('--data <file>', 'a CSV file with the training rows'),
  ).action(async (tenant: string, options: OnboardOptions & JsonOption) => {
    await onboardCommand(await connect(config, options), tenant, options)
  })
  addWaiting(
    addCommand(program, 'push <tenant.model> <directory>', 'brings in a SavedModel from elsewhere'),
  ).action(async (name: string, directory: string, options: Waiting) => {
    await pushCommand(await connect(config, options), name, directory, options)
  })
  addWaiting(
    addCommand(program, 'import <models.config>', 'takes over what a TF Serving set-up serves')
      .option('--apply', 'do it; without it, only say what would be done')
      .option('--fleet <name>', 'the fleet of clients that are new', 'main')
      .option('--all-versions', 'every version that it serves, and not only the highest')
      .option('--tenant-of <name>', 'the client of models whose name is no <tenant>.<model>'),
  ).action(async (file: string, options: ImportOptions & JsonOption) => {
    await importCommand(await connect(config, options), file, options)
  })
  addWaiting(addCommand(program, 'train <tenant[.model]>', 'trains again now')).action(
    async (target: string, options: Waiting) => {
      await trainCommand(await connect(config, options), target, options)
    },
  )
  addPins(program, config)
  addCommand(program, 'offboard <tenant>', 'takes a client and its models away').action(
    async (tenant: string, options: JsonOption) => {
      await offboardCommand(await connect(config, options), tenant)
    },
  )
  addCommand(program, 'restart', 'recycles every model server, one at a time')
    .option('--why <text>', 'a reason for the audit')
    .action(async (options: JsonOption & { why?: string }) => {
      await restartCommand(await connect(config, options), options)
    })
}

type RollbackOptions = Waiting & { to?: number; why?: string; fleet?: number | true }

function addPins(program: Command, config: Config): void {
  addWaiting(
    addCommand(program, 'rollback [tenant[.model]]', 'serves the version before, and pins it')
      .option('--to <version>', 'a version', toCount)
      .option('--fleet [config]', 'everybody, as under a config that was live before', toCount)
      .option('--why <text>', 'a reason for the audit'),
  ).action(async (target: string | undefined, { fleet, ...options }: RollbackOptions) => {
    if ((target === undefined) === (fleet === undefined) || (fleet && options.to)) {
      throw new CliError(Exit.USAGE, 'name either <tenant[.model]> or --fleet [config]')
    }
    const context = await connect(config, options)
    if (fleet !== undefined) await rollbackFleetCommand(context, { ...options, fleet })
    else if (target !== undefined) await rollbackCommand(context, target, options)
  })
  addWaiting(
    addCommand(program, 'release [tenant.model]', 'ends a pin')
      .option('--fleet', 'all pins that rollbacks of the fleet wrote')
      .option('--newcomers', 'of these, the pins of clients that came later'),
  ).action(async (target: string | undefined, { fleet, newcomers, ...options }: ReleaseOptions) => {
    if ([target, fleet, newcomers].filter((each) => each !== undefined).length !== 1) {
      throw new CliError(Exit.USAGE, 'name either <tenant.model>, --fleet or --newcomers')
    }
    const context = await connect(config, options)
    if (target !== undefined) await releaseCommand(context, target, options)
    else await releaseFleetCommand(context, fleet === true ? 'all' : 'newcomers', options)
  })
}

function addQuestions(program: Command, config: Config): void {
  addCommand(program, 'status [tenant]', 'what is served, and what is on its way').action(
    async (tenant: string | undefined, options: JsonOption) => {
      await statusCommand(await connect(config, options), tenant)
    },
  )
  addCommand(program, 'why <tenant>', 'how each model of a client came to where it is').action(
    async (tenant: string, options: JsonOption) => {
      await whyCommand(await connect(config, options), tenant)
    },
  )
  addCommand(program, 'audit [tenant]', 'who changed what, when and why; the newest last')
    .option('--fleet <name>', 'what happened to a fleet: configs, rejections, wishes')
    .option('--limit <count>', 'how many, the newest (at most 1000)', toCount, AUDIT_RECORDS)
    .action(async (tenant: string | undefined, options: AuditOptions & JsonOption) => {
      if (tenant !== undefined && options.fleet !== undefined) {
        throw new CliError(Exit.USAGE, 'name a tenant or a fleet, and not both')
      }
      await auditCommand(await connect(config, options), tenant, options)
    })
  addCommand(
    program,
    'predict <tenant.model> <row>',
    'asks every server about a raw row: a text, [1, 2], or {"column": 1} by column or input',
  )
    .option('--signature <name>', 'of the model (default: serving_default)')
    .action(async (name: string, text: string, options: JsonOption & { signature?: string }) => {
      const { signature } = options
      await predictCommand(await connect(config, options), name, { text, signature })
    })
  addCommand(
    program,
    'inspect <directory>',
    'what is in a SavedModel, as saved_model_cli says it, and what would run it',
  )
    .option('--allow <operations>', 'as a server that allows these unsafe operations sees it')
    .action(async (directory: string, { json = false, allow }: JsonOption & { allow?: string }) => {
      // It alone needs the engines' packages, which take a while to load.
      const { inspectCommand } = await import('./commands/inspect.ts')
      await inspectCommand(makeOutput(json), directory, allow)
    })
  addCommand(program, 'logs <tenant>', 'what every part logged about a client').action(
    async (tenant: string, { json = false }: JsonOption) => {
      if (config.DROVER_REMOTE !== undefined)
        throw new CliError(
          Exit.USAGE,
          'logs are those of a Drover on this machine; of another one see kubectl logs or docker compose logs',
        )
      await logsCommand(config.DROVER_HOME, makeOutput(json), tenant)
    },
  )
}

function toCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('give a whole number above 0')
}

const collect = (value: string, before: string[]): string[] => [...before, value]
