import { reasonOf } from '@drover/basics'
import type { ApplyAnswer } from '@drover/model-config'
import { applyConfig } from './confirm.ts'
import { AgentError } from './errors.ts'
import { look } from './look.ts'
import { answerOf, type Memory } from './memory.ts'
import { endedUnder } from './observe.ts'
import type { Action, Command } from './plan.ts'
import type { Ports } from './ports.ts'
import { noteEnd, recycle, startServing } from './serving.ts'
import { tidy } from './tidy.ts'

/**
 * Carries one action out. Whoever waits for it is answered here, also with its error; an error of
 * the server's own doing is thrown to the loop.
 */
export async function act(ports: Ports, action: Action): Promise<void> {
  switch (action.kind) {
    case 'note-end':
      return await noteEnd(ports)
    case 'start':
      return await startServing(ports)
    case 'look':
      return await look(ports)
    case 'open':
      return await open(ports)
    case 'refuse':
    case 'acknowledge':
    case 'recycle':
      return await answer(ports, action.command, async (command) => {
        if (action.kind === 'refuse') throw refusal(ports.memory, command)
        const acknowledged = await acknowledge(ports, command)
        if (action.kind === 'recycle') await recycle(ports)
        return acknowledged
      })
    case 'apply':
      return await apply(ports, action)
  }
}

async function open({ memory, log, nudgeLook }: Ports): Promise<void> {
  if (memory.server === undefined) return
  await memory.server.admin.accept()
  memory.isOpen = true
  memory.wasOpen = true
  log.info({ ...memory.confirmed?.ref, models: memory.serving.size }, 'ready')
  // What became live between the last look and this moment is not missed for a whole period.
  nudgeLook()
}

async function apply(ports: Ports, action: Extract<Action, { kind: 'apply' }>): Promise<void> {
  const { command, ref, fence } = action
  const pending = ports.memory.pending.find((each) => each.command.id === command)
  const { log } = ports
  const traced = { ...ports, log: pending ? log.child({ traceparent: pending.traceparent }) : log }
  const work = async () =>
    await impairedBy(ports, async () => await applyConfig(traced, ref, fence))
  try {
    if (command === undefined) await work()
    else await answer(ports, command, work)
  } catch (error) {
    ports.memory.retryAt = ports.now() + ports.backoffMs
    throw error
  }
  await impairedBy(ports, async () => await tidy(ports))
}

/** What cannot be fetched or written is shown until the next good look at the store. */
async function impairedBy<T>({ memory }: Ports, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AgentError && error.code === 'IMPAIRED') memory.impaired = reasonOf(error)
    throw error
  }
}

/** The same command again, or one whose work is done: the newer fence counts from now on. */
async function acknowledge({ memory, disk }: Ports, command: Command) {
  const under = endedUnder(memory, disk)
  const isAnswered =
    command.kind === 'apply' && under !== undefined && under.seq !== command.ref.seq
  if (isAnswered) memory.end = undefined
  if (isAnswered || disk.value.fence < memory.fence)
    await disk.settle(isAnswered ? ['endedUnder'] : [], { fence: memory.fence })
  return command.kind === 'apply' && memory.confirmed ? answerOf(memory.confirmed) : undefined
}

async function answer(
  { memory, log }: Ports,
  id: number,
  work: (command: Command) => Promise<ApplyAnswer | undefined>,
): Promise<void> {
  const pending = memory.pending.find(({ command }) => command.id === id)
  if (pending === undefined) return
  const { command, traceparent } = pending
  const { kind, fence } = command
  try {
    pending.resolve(await work(command))
  } catch (err) {
    log.warn({ err, command: kind, fence, traceparent }, 'command not carried out')
    pending.reject(err)
  } finally {
    memory.pending = memory.pending.filter((each) => each !== pending)
  }
}

function refusal(memory: Memory, command: Command): AgentError {
  if (command.kind !== 'apply' || command.fence < memory.fence) return overtaken(memory, command)
  return new AgentError('REFUSED', `config ${command.ref.seq} is older than live`)
}

export const overtaken = (memory: Memory, { fence }: { fence: number }): AgentError =>
  new AgentError('REFUSED', `the fence ${fence} is lower than ${memory.fence}, which was seen`)
