import { z } from 'zod'
import { CliError, Exit } from '../output.ts'
import type { Session } from '../session.ts'
import type { Context } from './context.ts'

const ANSWER_MS_MAX = 30_000

const Row = z.union([z.string(), z.record(z.string(), z.json()), z.array(z.json())])
const Answer = z.object({ predictions: z.array(z.json()).min(1) })

/** Asks every server about one raw row. Throws a CliError with the server's own sentence. */
export async function predictOnEach(
  { servers }: Session,
  name: string,
  row: unknown,
): Promise<{ server: string; url: string; prediction: unknown }[]> {
  return await Promise.all(
    servers.map(async ({ name: server, rest }) => {
      const url = `${rest}/v1/models/${encodeURIComponent(name)}:predict`
      return { server, url, prediction: await predict(url, row) }
    }),
  )
}

async function predict(url: string, row: unknown): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ instances: [row] }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
  } catch (cause) {
    throw new CliError(Exit.DEPENDENCY_DOWN, `${url} does not answer`, { cause })
  }
  const body: unknown = await response.json()
  if (response.ok) return Answer.parse(body).predictions[0]
  const { error } = z.object({ error: z.string() }).parse(body)
  throw new CliError(response.status === 404 ? Exit.NOT_FOUND : Exit.USAGE, error)
}

/**
 * `drover predict <tenant.model> <row>`: the row is a JSON object of raw columns, a JSON array for a
 * model with one input, or a raw text.
 */
export async function predictCommand(
  { session, output }: Context,
  name: string,
  text: string,
): Promise<void> {
  const predictions = await predictOnEach(session, name, parseRow(text))
  output.result(
    { name, predictions },
    predictions.map(({ server, prediction }) => `${server}  ${JSON.stringify(prediction)}`),
  )
}

/** What a person typed, as the row that it means. */
export function parseRow(text: string): z.output<typeof Row> {
  if (!/^\s*[[{"]/.test(text)) return text
  try {
    return Row.parse(JSON.parse(text))
  } catch (cause) {
    // A text such as `[urgent] my card is lost`.
    if (text.trimStart().startsWith('[')) return text
    throw new CliError(Exit.USAGE, `${JSON.stringify(text)} is no JSON object of columns`, {
      cause,
    })
  }
}
