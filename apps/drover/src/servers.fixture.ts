import { ServerState } from '@drover/model-config'
import type { z } from 'zod'
import { FleetStatus, PublisherTenant } from './views.ts'

const AT = '2026-01-01T00:00:00.000Z'

/** The sha of a config, by a digit. */
export const shaOf = (digit: number): string => `${digit}`.repeat(64)

/** A server that is ready on a config. */
export const serverOn = (
  config: { sha: string; seq: number } | undefined,
  changes: Partial<z.input<typeof ServerState>> = {},
) => ({
  url: 'http://server',
  reachable: true,
  state: ServerState.parse({
    format: 1,
    server: 'server',
    ready: true,
    config,
    fence: 1,
    models: 1,
    failed: [],
    drifting: [],
    startedAt: AT,
    recycles: 1,
    canRecycle: true,
    residentBytes: 0,
    restUrl: 'http://server',
    ...changes,
  }),
})

/** A server that is known by its address, and never said anything. */
export const silentServer = { url: 'http://silent', reachable: false, state: null }

/** A fleet `main` with config 1, seq 10, live. */
export const fleetOf = (
  servers: readonly object[],
  changes: Partial<z.input<typeof FleetStatus>> = {},
): FleetStatus =>
  FleetStatus.parse({
    fleet: 'main',
    why: 'all is done',
    channel: { live: { sha: shaOf(1), seq: 10, at: AT } },
    deployment: null,
    servers,
    decisions: [],
    ...changes,
  })

/** What the publisher says of the tenant `acme` with one model `late`, whose version 3 is live. */
export const published = (
  late: Partial<z.input<typeof PublisherTenant>['models'][string]> = {},
): PublisherTenant =>
  PublisherTenant.parse({
    fleet: 'main',
    models: {
      late: { candidate: 3, live: 3, listedIn: { [shaOf(1)]: 3 }, versions: [], ...late },
    },
  })
