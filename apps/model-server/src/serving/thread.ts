// One serving thread: its ports, its models, and its line to the control thread.

import type { MessagePort } from 'node:worker_threads'
import { makeLog } from '@drover/service'
import { misfitOf, ServingError, type Tensor } from '@drover/serving-api'
import { type GrpcPort, makeGrpcPort } from '../grpc/port.ts'
import type { Places } from '../launch/places.ts'
import { makeRestPort, type RestPort } from '../rest/port.ts'
import { type Channel, openChannel } from '../threads/channel.ts'
import { Admission } from './admission.ts'
import type { Core, Outputs } from './core.ts'
import { Counters } from './counters.ts'
import { laneOf } from './lane.ts'
import { serveLane } from './lane-side.ts'
import { LoopWatch } from '../event-loop/delay.ts'
import type { ControlProtocol, Listening, ServingProtocol, SingleRun } from './messages.ts'
import { sendModels } from './reload-parts.ts'
import type { ServingSettings } from './settings.ts'
import { Table } from './table.ts'

/** Texts of requests that run in the lane; one more request may then bring two million. */
const LANE_TEXTS_MAX = 2_000_000

/** What a serving thread is started with. */
export interface ServingThreadData {
  settings: ServingSettings
  /** Where it listens; in the lane nowhere. */
  places: Places
  isLane: boolean
}

/** The ports of one thread; those that nobody is to listen on are not there. */
interface Ports {
  rest: RestPort | undefined
  grpc: GrpcPort | undefined
}

/** Serves until the control thread ends this thread. */
export function startServing(port: MessagePort, data: ServingThreadData): void {
  const { settings, places, isLane } = data
  const table = new Table({
    waitingMax: settings.limits.waitingMax,
    warm: async (name, version) => await control.ask('warm', { name, version }),
  })
  const loop = new LoopWatch()
  const counters = new Counters((name) => table.has(name))
  const control: Channel<ControlProtocol> = openChannel<ServingProtocol, ControlProtocol>(port, {
    serve: (message) => table.serve(message),
    release: async ({ load }) => await table.release(load),
    run: async (asked) => await runSingle(table, asked),
    accept: async () => await listen(ports, places),
    line: (line) => serveLane(line, { core, admission, settings }),
    pulse: () => {},
    report: ({ beginsAnew }) => ({
      models: counters.take(),
      loopDelay: loop.read(beginsAnew),
      connections: (ports.rest?.connections() ?? 0) + (ports.grpc?.connections() ?? 0),
    }),
    drain: async ({ msMax, staysOpen }) => {
      await Promise.all([ports.rest?.drain(msMax, staysOpen), ports.grpc?.drain(msMax, staysOpen)])
    },
  })
  const admission = new Admission(LANE_TEXTS_MAX)
  const core: Core = {
    find: (choice) => table.find(choice),
    run: timed(table, counters),
    wait: (name) => table.wait(name),
    observe: (observation) => counters.add(observation),
    control: {
      status: async (choice) => await control.ask('status', choice),
      reload: async (config, waitMs) => {
        const sent = await sendModels(config.models, control)
        const asked = { sent, config: { ...config, models: [] }, waitMs }
        await control.ask('reload', asked, { msMax: settings.reloadMsMax })
      },
      prometheus: async () => await control.ask('prometheus', undefined),
    },
    lane: isLane ? undefined : laneOf(async () => await control.ask('lane', undefined)),
  }
  const ports = openPorts(core, data)
}

/** Runs what is asked, and measures how long the model itself takes. */
function timed(table: Table, counters: Counters): Core['run'] {
  return (found, call) => {
    const startMs = performance.now()
    const end = (outputs: Outputs): Outputs => {
      counters.addRun(found.name, call.api, performance.now() - startMs)
      return outputs
    }
    const running = table.run(found, call)
    return running instanceof Promise ? running.then(end) : end(running)
  }
}

async function runSingle(
  table: Table,
  { name, version, signature, inputs, msMax }: SingleRun,
): Promise<Record<string, Tensor>> {
  const found = await table.find({ name, version })
  const misfit = misfitOf(found.signatures, signature, inputs)
  if (misfit !== undefined) throw new ServingError('INVALID_ARGUMENT', misfit)
  return await table.run(found, { signature, inputs, deadlineMs: performance.now() + msMax })
}

function openPorts(core: Core, { places, settings }: ServingThreadData): Ports {
  const { limits, isSinglePort } = settings
  const log = makeLog('model-server')
  log.level = settings.logLevel
  const parts = { core, log, limits, isSinglePort }
  const isGrpc = places.grpc !== undefined || places.unix !== undefined
  return {
    rest: places.rest && makeRestPort({ ...parts, settings: settings.rest }),
    grpc: isGrpc ? makeGrpcPort({ ...parts, settings: settings.grpc }) : undefined,
  }
}

async function listen({ rest, grpc }: Ports, places: Places): Promise<Listening> {
  return {
    rest: places.rest && (await rest?.listen(places.rest)),
    grpc: places.grpc && (await grpc?.listen(places.grpc)),
    unix: places.unix && (await grpc?.listen(places.unix)),
  }
}
