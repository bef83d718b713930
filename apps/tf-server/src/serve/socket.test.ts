import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { bindSocket } from './socket.ts'

const LISTENER = `
  const server = require('node:net').createServer((socket) => socket.end(process.argv[1]))
  server.listen({ fd: 4 }, () => console.log('up'))
`

async function startListener(fd: number, name: string) {
  const child = spawn(process.execPath, ['-e', LISTENER, name], {
    stdio: ['ignore', 'pipe', 'inherit', 'ignore', fd],
  })
  if (child.stdout) await once(child.stdout, 'data')
  return {
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
  })
  await once(socket, 'close')
  return answer
}

test('this Node binds a socket without listening, and children answer on it one after the other', async () => {
  using socket = await bindSocket('127.0.0.1', 0)
  await expect(once(connect(socket.port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED')

  const first = await startListener(socket.fd, 'first')
  expect(await ask(socket.port)).toBe('first')
  await first.stop()
  // No process listens, and the connection waits for the next one that does.
  const waiting = ask(socket.port)
  const second = await startListener(socket.fd, 'second')

  expect(await waiting).toBe('second')
  await second.stop()
})

test('a port that is taken is waited for, as its holder may be ending', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = z.object({ port: z.number() }).parse(holder.address())

  const binding = bindSocket('127.0.0.1', port)
  holder.close()
  using socket = await binding

  expect(socket).toMatchObject({ port, url: `http://127.0.0.1:${port}` })
})

test('an address that is not this machine is named', async () => {
  await expect(bindSocket('203.0.113.7', 8501)).rejects.toThrow(
    'cannot bind 203.0.113.7:8501: EADDRNOTAVAIL',
  )
})
