import { parseServedName } from '@drover/model-config'
import { alignRows } from '../output.ts'
import { configsOf, countServing, describeServing } from '../servers.ts'
import { stageOf } from '../stage.ts'
import {
  type FleetStatus,
  listTenants,
  noTenant,
  type PublisherTenant,
  readFleet,
  readTenant,
  readViews,
  type TrainerTenant,
  viewsOf,
} from '../views.ts'
import type { Context } from './context.ts'
import { checkName } from './onboard.ts'

const TENANTS_AT_ONCE = 8
const DECISIONS_MAX = 5

/** `drover status [tenant]`: every model's stage, and the servers. */
export async function statusCommand(context: Context, tenant: string | undefined): Promise<void> {
  if (tenant !== undefined) checkName('tenant', tenant)
  const tenants = tenant === undefined ? await listTenants(context) : [tenant]
  const models = []
  for (let at = 0; at < tenants.length; at += TENANTS_AT_ONCE) {
    const some = tenants.slice(at, at + TENANTS_AT_ONCE)
    const views = await Promise.all(some.map(async (each) => await readViews(context, each)))
    models.push(...views.flat().map((view) => ({ name: view.name, ...stageOf(view) })))
  }
  if (tenant !== undefined && models.length === 0) throw noTenant(tenant)
  const fleet = await readFleet(context)
  const servers = fleet.servers
    .filter(({ leaving, state }) => !leaving || state !== null)
    .map(({ url, state, reachable }) => ({
      server: state?.server ?? url,
      answers: state !== null,
      ready: state?.ready === true,
      config: state?.config?.seq,
      why: state === null && reachable ? 'what it answers is no state' : state?.why,
    }))
  const rows = models.map(({ name, stage, note }) => [name, stage, note])
  const serverRows = servers.map(({ server, answers, ready, config, why = '' }) => {
    if (!answers) return [server, 'not answering', '', why]
    const running = config === undefined ? 'no config' : `config ${config}`
    return [server, ready ? 'ready' : 'not ready', running, why]
  })
  const trouble = troubleOf(fleet)
  context.output.result({ models, servers, trouble, why: fleet.why }, [
    ...alignRows([...rows, ['', ''], ...serverRows]),
    '',
    ...(trouble === undefined ? [] : [trouble]),
    fleet.why,
  ])
}

/** What keeps the Deployment of the servers from being done; undefined: nothing, or there is none. */
function troubleOf({ deployment }: FleetStatus): string | undefined {
  if (deployment?.kind === 'away') return `the cluster cannot be asked: ${deployment.why}`
  const { status, trouble } = deployment ?? {}
  if (status === undefined || status.state === 'done') return undefined
  const said = `the Deployment: ${status.message}`
  return trouble === undefined ? said : `${said}; ${trouble}`
}

/** One thing that happened to a model. */
interface Event {
  at: string
  what: string
}

/** `drover why <tenant>`: the chain of each of its models, with times. */
export async function whyCommand(context: Context, tenant: string): Promise<void> {
  checkName('tenant', tenant)
  const fleet = await readFleet(context)
  const found = await readTenant(context, tenant, configsOf(fleet))
  if (found === undefined) throw noTenant(tenant)
  const { trainer, publisher } = found
  const models = viewsOf(found, fleet).map((view) => ({
    name: view.name,
    ...stageOf(view),
    trace: traceOf(view.name, trainer, publisher),
    chain: chainOf(view.name, trainer, { publisher, fleet }),
  }))
  const lines = models.flatMap(({ name, stage, note, trace, chain }) => [
    `${name}: ${stage}${note === '' ? '' : `, ${note}`}`,
    `  trace ${trace}`,
    ...chain.map(({ at, what }) => `  ${at}  ${what}`),
  ])
  const gone = trainer.tombstone ? [`${tenant} was offboarded at ${trainer.changedAt}`] : []
  context.output.result({ tenant, tombstone: trainer.tombstone, models }, [...gone, ...lines])
}

/** The trace id of the newest version's way through the loop. */
function traceOf(name: string, trainer: TrainerTenant, publisher: PublisherTenant | undefined) {
  const { model } = parseServedName(name)
  const newest = publisher?.models[model]?.versions[0]
  return (newest?.traceparent ?? trainer.traceparent).split('-')[1] ?? ''
}

function chainOf(
  name: string,
  trainer: TrainerTenant,
  { publisher, fleet }: { publisher: PublisherTenant | undefined; fleet: FleetStatus },
): Event[] {
  const { model } = parseServedName(name)
  const failure = trainer.models[model]?.failure
  const published = publisher?.models[model]
  const failures = failure && [
    { at: failure.at, what: `run failed (${failure.class}): ${failure.reason}` },
  ]
  return [
    {
      at: trainer.changedAt,
      what: `declared, or asked to train (generation ${trainer.generation})`,
    },
    ...(failures ?? []),
    ...(published?.versions ?? []).flatMap(eventsOfVersion),
    ...eventsOfServing(name, publisher, fleet),
    ...eventsOfRestarter(name, fleet),
  ].toSorted((a, b) => (a.at < b.at ? -1 : 1))
}

type Published = PublisherTenant['models'][string]

function eventsOfVersion({
  version,
  queuedAt,
  startedAt,
  at,
  verdict,
}: Published['versions'][number]): Event[] {
  const events = [
    { at: queuedAt, what: `version ${version} queued` },
    { at: startedAt, what: `version ${version} started` },
    { at, what: `version ${version} trained` },
  ]
  if (verdict === undefined) return events
  const outcome = verdict.pass ? 'passed' : 'failed'
  const engine = verdict.engine === undefined ? '' : ` on ${verdict.engine}`
  const what = `version ${version} judged by ${verdict.by}: ${outcome}${engine}, ${verdict.reason}`
  return [...events, { at: verdict.at, what }]
}

function eventsOfServing(
  name: string,
  publisher: PublisherTenant | undefined,
  fleet: FleetStatus,
): Event[] {
  const events: Event[] = []
  const published = publisher?.models[parseServedName(name).model]
  const live = publisher?.fleet === fleet.fleet ? fleet.channel?.live : undefined
  if (published?.live !== undefined && live !== undefined) {
    const where = describeServing(countServing(name, publisher, fleet))
    const what = `config ${live.seq} live: version ${published.live} served on ${where}`
    events.push({ at: live.at, what })
  }
  if (published?.pin !== undefined) {
    const { version, why, at } = published.pin
    events.push({ at, what: `pinned to version ${version}${why === '' ? '' : `: ${why}`}` })
  }
  return events
}

/** What the restarter decided lately and gave this model as its reason. */
function eventsOfRestarter(name: string, { decisions }: FleetStatus): Event[] {
  return decisions
    .filter(({ why }) => why.includes(name))
    .slice(0, DECISIONS_MAX)
    .map(({ at, why }) => ({ at, what: `restarter: ${why}` }))
}
