import { fileURLToPath } from 'node:url'
import { type Asked, readFlags, usage, version } from './config.ts'
import { launch, needsLaunch } from './launch/launch.ts'
import { NOT_STARTED_CODE, tellWhyNot } from './start-texts.ts'

try {
  await answer(readFlags(process.argv.slice(2)))
} catch (error) {
  tellWhyNot(error)
  process.exitCode = NOT_STARTED_CODE
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
      process.exitCode = NOT_STARTED_CODE
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
