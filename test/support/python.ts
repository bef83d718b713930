import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from './root.ts'

const run = promisify(execFile)
/** Keras with its version, since what it exports is part of what the zoo is. */
const REQUIREMENTS = ['tensorflow-cpu==2.21.0', 'keras==3.15.1']
/** TensorFlow Serving's own client; it asks for a TensorFlow that is there under another name. */
const CLIENT = 'tensorflow-serving-api==2.21.0'
/** All that the answers of a Python may depend on. */
export const PYTHON_VERSIONS = [...REQUIREMENTS, CLIENT].join('-')
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024
const INSTALL_MS_MAX = 10 * 60_000

/**
 * A Python with TensorFlow, Keras and TensorFlow Serving's client, in a virtual environment below the user's cache folder; made
 * the first time it is asked for (half a minute). Gives the path of its interpreter.
 */
export async function preparePython(): Promise<string> {
  const venv = join(droverCache(), `python-${PYTHON_VERSIONS}`)
  const python = join(venv, 'bin', 'python')
  if (existsSync(join(venv, 'ready'))) return python
  await mkdir(join(venv, '..'), { recursive: true })
  await rm(venv, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', venv])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  const limits = { maxBuffer: OUTPUT_BYTES_MAX, timeout: INSTALL_MS_MAX }
  for (const what of [REQUIREMENTS, ['--no-deps', CLIENT]])
    await run(python, [...pip, ...what], limits)
  // Written last, so that a broken-off installation is made again.
  await mkdir(join(venv, 'ready.new'))
  await rename(join(venv, 'ready.new'), join(venv, 'ready'))
  return python
}

/** Where things stay that take long to make. */
export function droverCache(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'drover')
}

/** Runs a script with one JSON value on its standard input; gives what it printed. */
export async function runPython(
  python: string,
  script: string,
  input: unknown,
  { timeoutMs = 0 }: { timeoutMs?: number } = {},
): Promise<string> {
  const running = run(python, [join(ROOT, 'test/python', script)], {
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: timeoutMs,
    env: {
      ...process.env,
      TF_CPP_MIN_LOG_LEVEL: '3',
      CUDA_VISIBLE_DEVICES: '',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  })
  running.child.stdin?.end(JSON.stringify(input))
  return (await running).stdout
}
