import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ModelSpec, Name, servedName, TenantSpec } from '@drover/model-config'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import { readFlights, type SampleTenant } from '../sample/flights.ts'
import { progressOf } from '../stage.ts'
import { watchModels } from '../watch.ts'
import { findTenantSpec, readView } from '../views.ts'
import type { Context } from './context.ts'

const Accepted = z.object({ tenant: z.string(), generation: z.int() })

export interface OnboardOptions {
  sample?: string
  model?: string
  recipe?: string
  data?: string
  command?: string
  /** Seconds to wait until the models are served. */
  timeout: number
  wait: boolean
}

/** Sends one sample airport: its rows under their digest first, then its spec. */
export async function sendSample({ scheduler }: Context, sample: SampleTenant): Promise<void> {
  for (const [model, { data }] of Object.entries(sample.spec.models)) {
    if (data === undefined || !('upload' in data)) continue
    await scheduler.upload(`/v1/data/${sample.tenant}/${model}/${data.upload}`, sample.csv)
  }
  await sendSpec({ scheduler }, sample.tenant, sample.spec)
}

/** Declares what a tenant is to have. */
export async function sendSpec(
  { scheduler }: Pick<Context, 'scheduler'>,
  tenant: string,
  spec: TenantSpec,
): Promise<void> {
  await scheduler.send('PUT', `/v1/tenants/${tenant}`, spec, Accepted)
}

/** `drover onboard <tenant>`: from the sample, or with a model of one's own; waits until it is served. */
export async function onboardCommand(
  context: Context,
  tenant: string,
  options: OnboardOptions,
): Promise<void> {
  checkName('tenant', tenant)
  const startedAt = performance.now()
  const models =
    options.sample === undefined
      ? await onboardOwn(context, tenant, options)
      : await onboardSample(context, tenant, options.sample)
  const names = models.map((model) => servedName({ tenant, model }))
  if (!options.wait) {
    context.output.result({ tenant, names }, [`${tenant} is onboarded; drover status ${tenant}`])
    return
  }
  await waitUntilServed(context, names, options.timeout, startedAt)
}

async function onboardSample(context: Context, tenant: string, sample: string): Promise<string[]> {
  if (sample !== 'flights')
    throw new CliError(Exit.USAGE, `there is no sample ${sample}; try flights`)
  const airport = (await readFlights()).find((each) => each.tenant === tenant)
  if (airport === undefined) {
    throw new CliError(Exit.NOT_FOUND, `no flight of the sample leaves from ${tenant}`)
  }
  await sendSample(context, airport)
  return Object.keys(airport.spec.models)
}

async function onboardOwn(
  context: Context,
  tenant: string,
  options: OnboardOptions,
): Promise<string[]> {
  const { model, data } = options
  if (model === undefined || data === undefined || options.recipe === undefined) {
    throw new CliError(Exit.USAGE, 'name --sample flights, or --model, --recipe and --data')
  }
  checkName('model', model)
  const upload = await digestOfFile(data)
  const own = parseModel({ recipe: recipeOf(options), data: { upload, name: basename(data) } })
  // Its other models stay as they are.
  const before = await findTenantSpec(context, tenant)
  const spec = TenantSpec.parse({ ...before, models: { ...before?.models, [model]: own } })
  await context.scheduler.uploadFile(`/v1/data/${tenant}/${model}/${upload}`, data)
  await sendSpec(context, tenant, spec)
  return [model]
}

/** A recipe by its name, or as JSON with its settings. */
function recipeOf({ recipe = '', command }: OnboardOptions): object {
  if (!recipe.startsWith('{')) {
    return command === undefined ? { name: recipe } : { name: recipe, command }
  }
  try {
    return z.looseObject({ name: z.string() }).parse(JSON.parse(recipe))
  } catch (cause) {
    throw new CliError(Exit.USAGE, `--recipe ${recipe} is no JSON object with a name`, { cause })
  }
}

function parseModel(spec: object): ModelSpec {
  const parsed = ModelSpec.safeParse(spec)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = issue?.path.join('.') ?? ''
  const recipes = 'text-classifier, command, or tabular-classifier as JSON (drover onboard --help)'
  const what = where === 'recipe.name' ? `there is no such recipe; try ${recipes}` : issue?.message
  throw new CliError(Exit.USAGE, `${where}: ${what}`)
}

export function checkName(what: string, name: string): void {
  const parsed = Name.safeParse(name)
  if (parsed.success) return
  const rule = parsed.error.issues[0]?.message ?? 'not a name'
  throw new CliError(Exit.USAGE, `${what} ${JSON.stringify(name)}: ${rule}`)
}

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (cause) {
    throw new CliError(Exit.USAGE, `${path} cannot be read`, { cause })
  }
  return hash.digest('hex')
}

/** Waits until models are served; says each stage; rejected is exit code 7, too late is 6. */
export async function waitUntilServed(
  context: Context,
  names: readonly string[],
  timeoutSeconds: number,
  startedAt: number,
): Promise<void> {
  const { output } = context
  const secondsSince = () => (performance.now() - startedAt) / 1_000
  const signal = AbortSignal.timeout(timeoutSeconds * 1_000)
  const stages = await watchModels(names, async (name) => await readView(context, name), {
    signal,
    onStage: (name, staged) =>
      output.progress(`${secondsSince().toFixed(1)} s  ${name}  ${progressOf(staged)}`),
  }).catch((cause: unknown) => {
    if (!signal.aborted) throw cause
    const message = `${names.join(', ')} not served after ${timeoutSeconds} s; drover why says more`
    throw new CliError(Exit.TIMEOUT, message, { cause })
  })
  const seconds = Math.round(secondsSince() * 1_000) / 1_000
  const models = Array.from(stages, ([name, staged]) => ({ name, ...staged }))
  output.result(
    { models, seconds },
    models.map(({ name, stage, note }) => `${name} ${stage}: ${note} (${seconds} s)`),
  )
  if (models.some(({ stage }) => stage !== 'served')) process.exitCode = Exit.REJECTED
}
