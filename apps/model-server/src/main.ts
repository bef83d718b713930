import { fileURLToPath } from 'node:url'
import { ServingError } from '@drover/serving-api'
import { type Asked, readFlags, usage, version } from './config.ts'
import { launch, needsLaunch } from './launch/launch.ts'

try {
  await answer(readFlags(process.argv.slice(2)))
} catch (error) {
  fail(error)
}

async function answer(asked: Asked): Promise<void> {
  switch (asked.kind) {
    case 'help':
      return print(usage())
    case 'version':
      return print(version())
    case 'faults':
      process.stderr.write(`${asked.faults.join('\n')}\n`)
      print(usage())
      process.exitCode = 1
      return
    case 'serve':
      if (asked.unknown !== undefined) print(`unknown argument: ${asked.unknown}\n${usage()}`)
      return await start(asked)
  }
}

async function start({ settle, words }: Extract<Asked, { kind: 'serve' }>): Promise<void> {
  const flags = settle()
  if (needsLaunch(flags))
    return await launch({ program: fileURLToPath(import.meta.url), words, flags })
  // A process that only launches another does without the memory of a server.
  const { serve } = await import('./serve.ts')
  await serve(flags)
}

function print(text: string): void {
  process.stdout.write(text)
}

/** Says in upstream's form why there is no server. */
function fail(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error)
  const status = error instanceof ServingError ? `${error.code}: ` : ''
  process.stderr.write(`Failed to start server. Error: ${status}${why}\n`)
  process.exitCode = 1
}
