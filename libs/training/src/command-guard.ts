// Stands between the caller and a foreign program, as the leader of their process group: when the
// caller goes, even by a kill, the whole group ends.

import { spawn } from 'node:child_process'
import type { GuardAnswer } from './messages.ts'

const [program = '', ...args] = process.argv.slice(2)

function endGroup(): void {
  process.kill(-process.pid, 'SIGKILL')
}

function report(answer: GuardAnswer): void {
  // Once it is told, what the program left running has nobody left to write for.
  process.send?.(answer, endGroup)
}

process.once('disconnect', endGroup)
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
child.once('error', (error) => report({ error: error.message }))
child.once('exit', (code, signal) => report({ code, signal }))
