import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { sha256 } from '@drover/model-config'
import { openPosixStore } from '@drover/model-store'
import { listen, makeApi, makeLog } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { makeUploads } from './uploads.ts'

const LONG_MS = 3_600_000
const OF_TENANT_MAX = 4
const HEADERS = { 'content-type': 'application/octet-stream' }
const isReady = () => ({ ready: true })
const DIGEST = sha256('text')

/** An API that takes uploads at `/v1/data/<tenant>`, and says how many it has begun with. */
async function startUploads(idleMs: number) {
  const directory = await mkdtemp(join(tmpdir(), 'drover-uploads-'))
  const store = await openPosixStore(join(directory, 'store'))
  const take = makeUploads({ store, now: Date.now, workRoot: directory, bytesMax: 1024, idleMs })
  const log = makeLog('test')
  log.level = 'silent'
  let begun = 0
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.put('/v1/data/:tenant', async (incoming, response) => {
      begun++
      const model = { tenant: incoming.params.tenant, model: 'late' }
      response.json({ created: await take(incoming, model, DIGEST) })
    })
  })
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  const slow: ClientRequest[] = []
  return {
    begun: () => begun,
    upload: async (tenant: string) => {
      return (
        await fetch(`${url}/v1/data/${tenant}`, { method: 'PUT', headers: HEADERS, body: 'text' })
      ).status
    },
    /** Begins an upload of which only the first byte comes, and gives the answer if there is one. */
    begin: async (tenant: string): Promise<{ status: number | undefined; body: string }> =>
      await new Promise((resolve) => {
        const sending = request(
          `${url}/v1/data/${tenant}`,
          { method: 'PUT', headers: HEADERS },
          (response) => {
            void text(response).then((body) => resolve({ status: response.statusCode, body }))
          },
        )
        // The end of the test cuts it.
        sending.on('error', () => resolve({ status: undefined, body: '' }))
        sending.setHeader('content-length', '4')
        sending.write('t')
        slow.push(sending)
      }),
    [Symbol.asyncDispose]: async () => {
      for (const each of slow) each.destroy()
      await listening[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

test('slow uploads of one tenant leave room for those of another', async () => {
  await using uploads = await startUploads(LONG_MS)
  for (let count = 0; count < 4 * OF_TENANT_MAX; count++) void uploads.begin('slow')
  await vi.waitUntil(() => uploads.begun() === 4 * OF_TENANT_MAX)

  expect(await uploads.upload('acme')).toBe(200)
  expect(await uploads.upload('slow')).toBe(429)
})

test('a body of which nothing more comes is given up, and its place is free', async () => {
  await using uploads = await startUploads(50)

  const answers = await Promise.all(
    Array.from({ length: OF_TENANT_MAX }, async () => await uploads.begin('slow')),
  )

  expect(answers.map(({ status }) => status)).toEqual([408, 408, 408, 408])
  expect(answers[0]?.body).toContain('too slowly')
  expect(await uploads.upload('slow')).toBe(200)
})
