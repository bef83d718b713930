import type { Tenant, Verdict } from '@drover/model-config'
import type { NamedModel, PublicationObserved } from '@drover/config-publisher'
import { namedAs, publishing } from './mutants.ts'
import { type Plans, REAL } from './plans.ts'

const publishingAs = (see: (named: NamedModel, observed: PublicationObserved) => NamedModel) => ({
  ...REAL,
  publish: publishing((observed) => namedAs(observed, (named) => see(named, observed))),
})

/** Every verdict of a rollout as if it had been one in this fleet. */
function judgedHere({ versions, ...named }: NamedModel, fleet: string): NamedModel {
  const judge = (verdict: Verdict): Verdict =>
    verdict.fleet === undefined ? verdict : { ...verdict, fleet }
  return {
    ...named,
    versions: versions.map((record) => ({ ...record, verdicts: record.verdicts.map(judge) })),
  }
}

/** The tenant as if its spec named this fleet. */
const broughtHere = (tenant: Tenant | undefined, fleet: string): Tenant | undefined =>
  tenant && { ...tenant, spec: { ...tenant.spec, fleet } }

const here: Plans['publish'] = publishing((observed) =>
  namedAs(observed, (named) => ({ ...named, tenant: broughtHere(named.tenant, observed.fleet) })),
)

/** The last undo of any fleet as if it had been one of each. */
function undoneIn({ controls, ...named }: NamedModel, fleet: string): NamedModel {
  const asked = Math.max(-1, ...Object.values(controls?.undone ?? {}))
  return {
    ...named,
    controls: controls && asked >= 0 ? { ...controls, undone: { [fleet]: asked } } : controls,
  }
}

/** Like `MUTANTS`: rules that count where there are two fleets, each left out. */
export const FLEET_MUTANTS: Record<string, Plans> = {
  'a failing verdict of one fleet binds in the other': publishingAs((named, { fleet }) =>
    judgedHere(named, fleet),
  ),
  'a tenant is served in every fleet': { ...REAL, publish: here },
  'who moved to another fleet is not taken out of the old one': {
    ...REAL,
    publish: publishing((observed) => ({
      ...observed,
      named: Object.fromEntries(
        Object.entries(observed.named).filter(
          ([, { tenant }]) => tenant?.tombstone !== false || tenant.spec.fleet === observed.fleet,
        ),
      ),
    })),
  },
  'an undo pins who is in another fleet': {
    ...REAL,
    publish: (observed) => {
      const action = here(observed)
      return action?.kind === 'undo' ? action : REAL.publish(observed)
    },
  },
  'an undo of one fleet is taken for that of the other': publishingAs((named, { fleet }) =>
    undoneIn(named, fleet),
  ),
}
