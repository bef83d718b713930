import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { Turns } from '../event-loop/turns.ts'
import { Intake } from './intake.ts'
import { Outbox } from './outbox.ts'

test('what is closed while it waits for its turn hears the client close, however much is unread', async () => {
  const socket = new Socket()
  const outbox = new Outbox(socket)
  const turns = new Turns()
  // Who comes second waits.
  turns.wait(() => {})
  const intake = new Intake(socket, { outbox, turns, step: (_, at) => at + 1, failed: () => {} })
  socket.emit('data', Buffer.alloc(1))
  outbox.hold()
  outbox.push(Buffer.alloc(1024 * 1024))

  intake.close()
  await new Promise<void>((resolve) => turns.wait(resolve))

  expect(socket.isPaused()).toBe(false)
})
