import { once } from 'node:events'
import { connect } from 'node:net'

const REPLY_MS_MAX = 5_000

/** A bare connection to the private Redis of a test: it says what no queue would. */
async function openBare(url: string, command: string) {
  const socket = connect(new URL(url).pathname).setEncoding('utf8')
  await once(socket, 'connect')
  socket.write(`${command}\r\n`)
  const [reply] = await once(socket, 'data', { signal: AbortSignal.timeout(REPLY_MS_MAX) })
  if (!String(reply).startsWith('+OK')) throw new Error(`${command} is answered with ${reply}`)
  return socket
}

/** Empties a Redis under the feet of whoever uses it. */
export async function emptyRedis(url: string): Promise<void> {
  const socket = await openBare(url, 'FLUSHALL')
  socket.destroy()
}

/** Reads along what is said to a Redis from now on. */
export async function tapRedis(url: string): Promise<Disposable & { said: () => string }> {
  const socket = await openBare(url, 'MONITOR')
  let said = ''
  socket.on('data', (text: string) => {
    said += text
  })
  return { said: () => said, [Symbol.dispose]: () => void socket.destroy() }
}
