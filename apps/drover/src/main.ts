import { runCli } from './cli.ts'
import { readConfig } from './config.ts'

process.exit(await runCli(readConfig(), process.argv.slice(2)))
