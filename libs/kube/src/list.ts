import { z } from 'zod'
import { KubeCode, KubeError } from './error.ts'
import { type Ask, nameOf, type Transport } from './transport.ts'

const PAGE = 500
const PAGES_MAX = 40

export interface Listed<T> {
  items: T[]
  resourceVersion: string
}

/** Every item of a list, page by page. More than 20,000 items are refused instead of half read. */
export async function listAll<T>(
  transport: Transport,
  { path, query }: { path: string; query?: Record<string, string> },
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<Listed<T>> {
  const Page = z.object({
    metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
    items: z.array(schema),
  })
  const items: T[] = []
  let next: string | undefined
  const ask: Ask = { method: 'GET', path }
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const asked = { ...ask, query: { ...query, limit: `${PAGE}`, continue: next } }
    const page = await transport.call(asked, Page, signal)
    items.push(...page.items)
    next = page.metadata.continue
    if (next === undefined || next === '') {
      return { items, resourceVersion: page.metadata.resourceVersion }
    }
  }
  throw new KubeError(KubeCode.INVALID, `${nameOf(ask)}: more than ${PAGE * PAGES_MAX} items`)
}
