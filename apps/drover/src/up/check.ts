import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { createServer } from 'node:net'
import { CliError, Exit } from '../output.ts'
import type { PortName } from './apps.ts'
import type { UpOptions } from './up.ts'

const HOST = '127.0.0.1'

type Checked = Pick<UpOptions, 'commandsFile' | 'allowedOperations'>

/** What is wrong with the options is said before anything is started. */
export async function checkBeforeStart(
  ports: ReadonlyMap<PortName, number>,
  { commandsFile, allowedOperations }: Checked,
): Promise<void> {
  for (const [name, port] of ports) {
    const server = createServer().listen(port, HOST)
    try {
      await once(server, 'listening')
    } catch (cause) {
      const message = `port ${port} is in use: give another one with --port ${name}=<number>`
      throw new CliError(Exit.CONFLICT, message, { cause })
    }
    server.close()
    await once(server, 'close')
  }
  if (commandsFile !== undefined)
    await access(commandsFile).catch((cause: unknown) => {
      throw new CliError(Exit.USAGE, `--commands ${commandsFile}: no such file`, { cause })
    })
  if (allowedOperations !== undefined) await checkAllowed(allowedOperations)
}

async function checkAllowed(text: string): Promise<void> {
  // Few set it, and the engines' packages take a while to load.
  const { parseAllowed } = await import('@drover/inference')
  const parsed = parseAllowed(text)
  if ('fault' in parsed)
    throw new CliError(Exit.USAGE, `DROVER_ALLOWED_OPERATIONS: ${parsed.fault}`)
}
