import { strict as assert } from 'node:assert'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { freePort } from '../test-support/free-port.ts'

const PROGRAM = fileURLToPath(
  new URL('../../dist/test-support/listening-threads.js', import.meta.url),
)
const HOLD_MS = 5_000
const Line = z.object({ msg: z.string(), pid: z.int().optional(), why: z.string().optional() })
vi.setConfig({ testTimeout: 30_000 })

interface Launched {
  process: ChildProcess
  /** The server's own process. */
  serverPid: number
  rest: { port: number }
  grpc: { port: number }
  unix: { socketPath: string }
  lines: z.output<typeof Line>[]
  exited: Promise<unknown[]>
  /** Resolves when neither the launcher nor the server is there to write any more. */
  outputEnd: Promise<unknown[]>
}

let folder: string
const launched: Launched[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-launch-'))
})

afterEach(async () => {
  for (const { process: launcher, exited } of launched.splice(0)) {
    launcher.kill('SIGKILL')
    await exited
  }
  await rm(folder, { recursive: true })
})

/** Starts a launcher with a server of two threads. */
async function start(...flags: string[]): Promise<Launched> {
  const [restPort, grpcPort] = [await freePort(), await freePort()]
  const socketPath = join(folder, 'grpc')
  const ports = [`--rest_api_port=${restPort}`, `--port=${grpcPort}`]
  const own = [`--grpc_socket_path=${socketPath}`, '--admin_socket_path=none', '--workers=2']
  const child = spawn(process.execPath, [PROGRAM, ...ports, ...own, ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  assert(child.stdout)
  const outputEnd = once(child.stdout, 'close')
  const lines: z.output<typeof Line>[] = []
  const started = new Promise<number>((resolve) => {
    assert(child.stdout)
    createInterface(child.stdout).on('line', (text) => {
      const line = Line.parse(JSON.parse(text))
      lines.push(line)
      if (line.msg === 'started') resolve(line.pid ?? 0)
    })
  })
  const early = exited.then(() => {
    throw new Error('it ended while it started')
  })
  const serverPid = await Promise.race([started, early])
  early.catch(() => {})
  const found = {
    process: child,
    serverPid,
    rest: { port: restPort },
    grpc: { port: grpcPort },
    unix: { socketPath },
    lines,
    exited,
    outputEnd,
  }
  launched.push(found)
  return found
}

/** Asks over a connection of its own. */
async function ask(place: { port: number } | { socketPath: string }, path = '/'): Promise<string> {
  return await new Promise<string>((resolve, reject) => {
    const sent = get({ ...place, path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.once('end', () => resolve(text)).once('error', reject)
    })
    sent.once('error', reject)
  })
}

describe('threads on copies of one socket', () => {
  test('each of them accepts when the other has no time', async () => {
    const { rest } = await start()

    const held = await ask(rest, `/hold?ms=${HOLD_MS}`)
    const other = await ask(rest, '/')

    expect(new Set([held, other])).toEqual(new Set(['0', '1']))
  })

  test('one that closes its copy harms no other', async () => {
    const { rest, grpc, unix } = await start()
    const closed = await ask(rest, '/close')
    const open = closed === '0' ? '1' : '0'

    for (const place of [rest, grpc, unix])
      for (let count = 0; count < 20; count++) expect(await ask(place)).toBe(open)
  })

  test('when all have closed theirs, nobody holds the port, not even the launcher', async () => {
    const { rest, unix } = await start()

    await ask(rest, '/close')
    await ask(rest, '/close')

    await expect(ask(rest)).rejects.toThrow('ECONNREFUSED')
    await expect(ask(unix)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('the launcher', () => {
  test('says nothing of its own and gives each thread a copy of each socket', async () => {
    const { rest, grpc, unix, lines } = await start()

    expect(await ask(rest)).toMatch(/^[01]$/)
    expect(await ask(grpc)).toMatch(/^[01]$/)
    expect(await ask(unix)).toMatch(/^[01]$/)
    expect(lines.map(({ msg }) => msg)).toEqual(['started'])
  })

  const signals = ['SIGTERM', 'SIGINT'] as const
  test.each(signals)('forwards %s and ends with the code of the server', async (signal) => {
    const { process: launcher, exited, lines, unix } = await start()

    launcher.kill(signal)

    expect(await exited).toEqual([0, null])
    expect(lines.at(-1)).toEqual({ msg: 'ending', why: signal })
    expect(existsSync(unix.socketPath)).toBe(false)
  })

  test('forwards SIGHUP, by which the server ends, and ends by it', async () => {
    const { process: launcher, exited } = await start()

    launcher.kill('SIGHUP')

    expect(await exited).toEqual([null, 'SIGHUP'])
  })

  test('ends with the code of a server that ends by itself', async () => {
    const { rest, exited } = await start()

    // It may end before its answer is out.
    await ask(rest, '/exit?code=7').catch(() => undefined)

    expect(await exited).toEqual([7, null])
  })

  const deaths = ['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const
  test.each(deaths)('ends by %s within a second when the server does', async (signal) => {
    const { serverPid, exited } = await start()
    const begin = Date.now()

    process.kill(serverPid, signal)

    expect(await exited).toEqual([null, signal])
    expect(Date.now() - begin).toBeLessThan(1_000)
  })

  test('takes the server with it when it is killed', async () => {
    const { process: launcher, outputEnd, lines } = await start()

    launcher.kill('SIGKILL')

    await outputEnd
    expect(lines.at(-1)).toEqual({ msg: 'ending', why: 'the parent is gone' })
  })

  test('follows its own parent when told to', async () => {
    const { process: launcher, exited } = await start('--follow_parent')

    launcher.stdin?.end()

    expect(await exited).toEqual([0, null])
  })

  test('does not follow its parent unless told to', async () => {
    const { process: launcher, rest } = await start()

    launcher.stdin?.end()
    await once(launcher.stdin ?? launcher, 'finish')

    expect(await ask(rest)).toMatch(/^[01]$/)
  })

  test('replaces a Unix socket that a killed one left', async () => {
    const first = await start()
    first.process.kill('SIGKILL')
    await first.outputEnd
    expect(existsSync(first.unix.socketPath)).toBe(true)

    const second = await start()

    expect(await ask(second.unix)).toMatch(/^[01]$/)
  })
})

describe('what cannot be bound ends it with 1 and one line', () => {
  async function fail(...flags: string[]): Promise<{ code: unknown; text: string }> {
    const child = spawn(
      process.execPath,
      [PROGRAM, '--admin_socket_path=none', '--workers=2', ...flags],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let text = ''
    const add = (chunk: Buffer): void => {
      text += chunk.toString()
    }
    child.stdout?.on('data', add)
    child.stderr?.on('data', add)
    const [code] = await once(child, 'close')
    return { code, text }
  }

  test('a port in use', async () => {
    const holder = createServer().listen(0)
    await once(holder, 'listening')
    const place = holder.address()
    assert(typeof place === 'object' && place !== null)

    expect(await fail('--port=0', `--rest_api_port=${place.port}`)).toEqual({
      code: 1,
      text: `cannot listen on port ${place.port}: it is in use (EADDRINUSE)\n`,
    })
    holder.close()
  })

  test('a file in the place of the Unix socket', async () => {
    const path = join(folder, 'file')
    await writeFile(path, '')

    expect(await fail('--port=0', `--grpc_socket_path=${path}`)).toEqual({
      code: 1,
      text: `cannot listen on ${path}: it is there and is no socket\n`,
    })
  })
})
