import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CliError, Exit } from '../output.ts'
import { isRunning, readSession, removeSession } from '../session.ts'

const PRIVATE_MODE = 0o600
const TOKEN_BYTES = 32

/** Makes the folder of a local Drover ready for one `up`; refuses when another one runs there. */
export async function openHome(home: string): Promise<{ token: string; tokenFile: string }> {
  await mkdir(home, { recursive: true })
  const other = await readSession(home)
  if (other !== undefined && isRunning(other)) {
    const message = `a Drover already runs in ${home} (process ${other.pid}); DROVER_HOME names another folder`
    throw new CliError(Exit.CONFLICT, message)
  }
  await removeSession(home)
  const tokenFile = join(home, 'token')
  return { token: await readOrMakeToken(tokenFile), tokenFile }
}

async function readOrMakeToken(file: string): Promise<string> {
  const present = await readFile(file, 'utf8').catch(() => '')
  if (present !== '') return present.trim()
  const token = randomBytes(TOKEN_BYTES).toString('hex')
  await writeFile(file, token, { mode: PRIVATE_MODE })
  return token
}
