// One serving thread: its ports, its models, and its line to the control thread.

import type { MessagePort } from 'node:worker_threads'
import { makeLog } from '@drover/service'
import { type GrpcPort, makeGrpcPort } from '../grpc/port.ts'
import type { Places } from '../launch/places.ts'
import { makeRestPort, type RestPort } from '../rest/port.ts'
import { type Channel, openChannel } from '../threads/channel.ts'
import type { Core } from './core.ts'
import { Counters } from './counters.ts'
import { laneOf, serveLane } from './lane.ts'
import { LoopWatch } from './loop-delay.ts'
import type { ControlProtocol, Listening, ServingProtocol } from './messages.ts'
import type { ServingSettings } from './settings.ts'
import { Table } from './table.ts'

/** What a serving thread is started with. */
export interface ServingThreadData {
  settings: ServingSettings
  /** Where it listens; in the lane nowhere. */
  places: Places
  /** To the lane; in the lane itself from each serving thread. */
  lanes: readonly MessagePort[]
  isLane: boolean
}

/** The ports of one thread; those that nobody is to listen on are not there. */
interface Ports {
  rest: RestPort | undefined
  grpc: GrpcPort | undefined
}

/** Serves until the control thread ends this thread. */
export function startServing(port: MessagePort, data: ServingThreadData): void {
  const { settings, places, lanes, isLane } = data
  const table = new Table({
    waitingMax: settings.limits.waitingMax,
    warm: async (name, version) => await control.ask('warm', { name, version }),
  })
  const loop = new LoopWatch()
  const counters = new Counters((name) => table.has(name))
  const control: Channel<ControlProtocol> = openChannel<ServingProtocol, ControlProtocol>(port, {
    serve: (message) => table.serve(message),
    release: async ({ load }) => await table.release(load),
    accept: async () => await listen(ports, places),
    report: ({ beginsAnew }) => ({
      models: counters.take(),
      loopDelay: loop.read(beginsAnew),
      connections: (ports.rest?.connections() ?? 0) + (ports.grpc?.connections() ?? 0),
    }),
    drain: async ({ msMax }) => {
      await Promise.all([ports.rest?.drain(msMax), ports.grpc?.drain(msMax)])
    },
  })
  const [toLane] = isLane ? [] : lanes
  const core: Core = {
    find: (choice) => table.find(choice),
    run: (found, call) => table.run(found, call),
    observe: (observation) => counters.add(observation),
    control: {
      status: async (choice) => await control.ask('status', choice),
      reload: async (config) =>
        await control.ask('reload', config, { msMax: settings.reloadMsMax }),
      prometheus: async () => await control.ask('prometheus', undefined),
    },
    lane: toLane && laneOf(toLane, async () => await control.ask('lane', undefined)),
  }
  const ports = openPorts(core, data)
  if (isLane) for (const each of lanes) serveLane(each, core, settings)
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
