import { describe, expect, test } from 'vitest'
import type { RestAnswer, RestCase } from './cases/rest/case.ts'
import { exchange, type HttpAnswer } from './raw-http.ts'
import { IS_OURS, type TestedServer } from './server.ts'

/** Defines a test for each case; the server is asked for when they run. */
export function defineRestTests(
  groups: Readonly<Record<string, readonly RestCase[]>>,
  serverOf: () => TestedServer,
): void {
  describe.each(Object.entries(groups))('%s', (_group, cases) => {
    const ours = cases.filter(({ better }) => IS_OURS || better === undefined)
    test.each(ours)('$name', async ({ request, expect: wanted }) => {
      const answer = await exchange(serverOf().rest, request)

      expect(seenOf(answer, wanted)).toEqual(wantedOf(wanted))
    })
  })
}

/** What a case looks at, as it came. Parts that were found are left out, so that the rest tells what is wrong. */
function seenOf({ status, body, headers }: HttpAnswer, wanted: RestAnswer) {
  const missing = (wanted.contains ?? []).filter((part) => !body.includes(part))
  return {
    status,
    ...(wanted.body !== undefined && { body }),
    ...(wanted.json !== undefined && { json: valueOf(body) }),
    ...(missing.length > 0 && { missing, body }),
    headers: Object.keys(wanted.headers ?? {}).map((name) => [name, headers[name]]),
  }
}

const wantedOf = ({ status, body, json, headers }: RestAnswer) => ({
  status,
  ...(body !== undefined && { body }),
  ...(json !== undefined && { json }),
  headers: Object.entries(headers ?? {}),
})

/** A JSON value; the text itself if it is none. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The comparison then shows what came instead.
    return text
  }
}
