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
      compare(answer, wanted)
    })
  })
}

function compare(answer: HttpAnswer, wanted: RestAnswer): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status: wanted.status })
  if (wanted.body !== undefined) expect(answer.body).toBe(wanted.body)
  if (wanted.json !== undefined) expect(JSON.parse(answer.body)).toEqual(wanted.json)
  for (const part of wanted.contains ?? []) expect(answer.body).toContain(part)
  for (const [name, value] of Object.entries(wanted.headers ?? {}))
    expect([name, answer.headers[name]]).toEqual([name, value])
}
