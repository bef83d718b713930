import { parseServedName, ServedName } from '@drover/model-config'
import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import type { Reach } from '../session.ts'
import { stageOf } from '../stage.ts'
import { readViews } from '../views.ts'
import type { Context } from './context.ts'

const ANSWER_MS_MAX = 30_000

const Answer = z.object({ predictions: z.array(z.json()).min(1) })

/** Texts, which stay as they are, and numbers; TF Serving's JSON has more of them than JSON. */
const SCALARS = /"(?:[^"\\]|\\.)*"|-?(?:\d[\d.eE+-]*|Infinity|NaN)/g
const INTEGER = /^-?\d+$/
const NOT_FINITE = /^-?(?:Infinity|NaN)$/

/** A raw row in JSON, and the signature that is asked about it if not the default one. */
interface Question {
  row: string
  signature?: string | undefined
}

/** Asks every server about one raw row. Throws a CliError with the server's own sentence. */
export async function predictOnEach(
  { servers }: Reach,
  name: string,
  { row, signature }: Question,
): Promise<{ server: string; url: string; prediction: unknown }[]> {
  return await Promise.all(
    servers.map(async ({ name: server, rest }) => {
      const url = `${rest}/v1/models/${encodeURIComponent(name)}:predict`
      return { server, url, prediction: await predict(url, { row, signature }) }
    }),
  )
}

async function predict(url: string, { row, signature }: Question): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      body: bodyOf({ row, signature }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
  } catch (cause) {
    throw new CliError(Exit.DEPENDENCY_DOWN, `${url} does not answer`, { cause })
  }
  const body = readJson(await response.text())
  if (response.ok) return Answer.parse(body).predictions[0]
  const { error } = z.object({ error: z.string() }).parse(body)
  throw new CliError(response.status === 404 ? Exit.NOT_FOUND : Exit.USAGE, error)
}

/** The row goes as it was written: read, an int64 would be rounded. */
function bodyOf({ row, signature }: Question): string {
  const named = signature === undefined ? '' : `"signature_name":${JSON.stringify(signature)},`
  return `{${named}"instances":[${row}]}`
}

/** Reads TF Serving's JSON, with numbers as text that would be rounded, or that JSON does not have. */
export function readJson(text: string): unknown {
  const exact = text.replaceAll(SCALARS, (scalar) => (isNumber(scalar) ? scalar : `"${scalar}"`))
  return JSON.parse(exact)
}

const isNumber = (scalar: string): boolean =>
  INTEGER.test(scalar) ? Number.isSafeInteger(Number(scalar)) : !NOT_FINITE.test(scalar)

/**
 * `drover predict <tenant.model> <row>`: the row is a JSON object of raw columns or of inputs, a JSON
 * array for a model with one input, or a raw text.
 */
export async function predictCommand(
  context: Context,
  name: string,
  { text, signature }: { text: string; signature?: string | undefined },
): Promise<void> {
  if (!ServedName.safeParse(name).success) {
    throw new CliError(Exit.USAGE, `${JSON.stringify(name)} is no <tenant>.<model>`)
  }
  const { session, output } = context
  const predictions = await predictOnEach(session, name, { row: rowOf(text), signature }).catch(
    async (error: unknown) => {
      if (!(error instanceof CliError) || error.exit !== Exit.NOT_FOUND) throw error
      const { tenant } = parseServedName(name)
      const view = (await readViews(context, tenant)).find((each) => each.name === name)
      if (view === undefined) throw new CliError(Exit.NOT_FOUND, `there is no model ${name}`)
      const { stage, note } = stageOf(view)
      const message = `${name} is not served: ${stage}${note === '' ? '' : `, ${note}`}`
      throw new CliError(Exit.NOT_FOUND, message, { cause: error })
    },
  )
  output.result(
    { name, predictions },
    predictions.map(({ server, prediction }) => `${server}  ${describePrediction(prediction)}`),
  )
}

const Classified = z.object({ label: z.string(), scores: z.array(z.number()).min(1) })

/** A classifier's label with its score, or whatever else a model answers. */
export function describePrediction(prediction: unknown): string {
  const classified = Classified.safeParse(prediction)
  if (!classified.success) return JSON.stringify(prediction)
  const { label, scores } = classified.data
  return `${label} (${Math.max(...scores).toFixed(3)})`
}

/** What a person typed, as the row that it means, in JSON. */
export function rowOf(text: string): string {
  if (!/^\s*[[{"]/.test(text)) return JSON.stringify(text)
  try {
    readJson(text)
    return text
  } catch (cause) {
    // A text such as `[urgent] my card is lost`.
    if (text.trimStart().startsWith('[')) return JSON.stringify(text)
    throw new CliError(Exit.USAGE, `${JSON.stringify(text)} is no JSON object of columns`, {
      cause,
    })
  }
}
