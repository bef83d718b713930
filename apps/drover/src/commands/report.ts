import { servedName } from '@drover/model-config'
import { Exit } from '../output.ts'
import { SAMPLE_MODEL, type SampleTenant } from '../sample/flights.ts'
import { type Stage, type Staged } from '../stage.ts'
import { curlOf, describeSession } from '../up/up.ts'
import type { Context } from './context.ts'
import { describePrediction, predictOnEach } from './predict.ts'

/** The served name of a client's sample model. */
export const nameOf = (tenant: string): string => servedName({ tenant, model: SAMPLE_MODEL })

interface Outcome {
  samples: readonly SampleTenant[]
  stages: ReadonlyMap<string, Staged>
  seconds: number
  /** Whether everything stops now: then there is nothing to try out. */
  once: boolean
}

/** What came of the sample: as one JSON object, or in words with something to try out. */
export async function report(
  { output, session }: Context,
  { samples, stages, seconds, once }: Outcome,
): Promise<void> {
  const tenants = samples.map(({ tenant }) => tenant)
  const those = (stage: Stage) =>
    tenants.filter((tenant) => stages.get(nameOf(tenant))?.stage === stage)
  const [served, rejected, failed] = [those('served'), those('rejected'), those('failed')]
  const asked = samples.find(({ tenant }) => served.includes(tenant))
  const predictions =
    asked === undefined
      ? []
      : await predictOnEach(session, nameOf(asked.tenant), { row: JSON.stringify(asked.row) })
  const lines = [
    '',
    `${served.length} of ${tenants.length} clients served, ${rejected.length} rejected, after ${seconds} s`,
  ]
  if (asked !== undefined) {
    lines.push('', `a flight from ${asked.tenant}: ${JSON.stringify(asked.row)}`)
    for (const { server, prediction } of predictions) {
      lines.push(`  ${server}  ${describePrediction(prediction)}`)
    }
  }
  if (!once) {
    const curls =
      asked === undefined
        ? []
        : session.servers.flatMap(({ rest }) => ['', curlOf(rest, nameOf(asked.tenant), asked.row)])
    lines.push(...curls, '', ...describeSession(session), '', ...HINTS)
  }
  output.result({ tenants, served, rejected, seconds, predictions }, lines)
  if (failed.length === 0) return
  // A run that failed is no judgement of its client: it must not pass for a rejection.
  for (const tenant of failed) {
    output.progress(`${tenant} failed: ${stages.get(nameOf(tenant))?.note}`)
  }
  process.exitCode = Exit.FAILED
}

const HINTS = [
  'In another terminal:',
  '  npx drover onboard bwi --sample flights    the 21st client',
  '  npx drover status                          what is served',
  'Ctrl-C ends it all.',
]
