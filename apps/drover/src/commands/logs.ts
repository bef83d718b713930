import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { CliError, Exit, type Output } from '../output.ts'
import { checkName } from './onboard.ts'

const LINES_MAX = 200

const Line = z.looseObject({ time: z.number(), msg: z.string(), level: z.number() })
/** What every line says of its process, and nobody reads. */
const PROCESS_FIELDS = new Set(['name', 'pid', 'hostname'])
const LEVELS = new Map([
  [30, 'info'],
  [40, 'warn'],
  [50, 'error'],
  [60, 'fatal'],
])

interface Entry {
  time: number
  app: string
  level: string
  msg: string
  fields: Record<string, unknown>
}

/** `drover logs <tenant>`: what every app logged about a tenant, oldest first. */
export async function logsCommand(home: string, output: Output, tenant: string): Promise<void> {
  checkName('tenant', tenant)
  const folder = join(home, 'logs')
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new CliError(Exit.DEPENDENCY_DOWN, `no Drover ever ran in ${home}`, { cause })
  })
  const files = names.filter((file) => file.endsWith('.log'))
  const found = await Promise.all(
    files.map(async (file) => await readEntries(join(folder, file), file.slice(0, -4), tenant)),
  )
  const entries = found
    .flat()
    .toSorted((a, b) => a.time - b.time)
    .slice(-LINES_MAX)
  if (entries.length === 0) {
    throw new CliError(Exit.NOT_FOUND, `no part logged anything about ${tenant}`)
  }
  output.result(
    { tenant, entries },
    entries.map(
      ({ time, app, level, msg, fields }) =>
        `${new Date(time).toISOString()} ${app} ${level} ${msg} ${JSON.stringify(fields)}`,
    ),
  )
}

async function readEntries(path: string, app: string, tenant: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const text of createInterface({ input: createReadStream(path) })) {
    if (!text.includes(tenant)) continue
    const entry = parseEntry(text, app)
    if (entry !== undefined && concerns(entry.fields, tenant)) entries.push(entry)
    if (entries.length > LINES_MAX) entries.shift()
  }
  return entries
}

function parseEntry(text: string, app: string): Entry | undefined {
  try {
    const { time, msg, level, ...rest } = Line.parse(JSON.parse(text))
    const fields = Object.fromEntries(
      Object.entries(rest).filter(([field]) => !PROCESS_FIELDS.has(field)),
    )
    return { time, app, level: LEVELS.get(level) ?? `${level}`, msg, fields }
  } catch {
    // Not a line of our own log, such as a stack trace on stderr.
    return undefined
  }
}

/** Whether some field names the tenant itself or one of its models: `sea` is not in `season`. */
function concerns(value: unknown, tenant: string): boolean {
  if (typeof value === 'string') {
    return (
      value === tenant || value.split(/[\s,"'[\]]+/).some((word) => word.startsWith(`${tenant}.`))
    )
  }
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some((field) => concerns(field, tenant))
}
