import { alignRows } from '../output.ts'
import { stageOf } from '../stage.ts'
import { type FleetStatus, listTenants, noTenant, readFleet, readViews } from '../views.ts'
import type { Context } from './context.ts'
import { checkName } from './onboard.ts'

const TENANTS_AT_ONCE = 8

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
