import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { openKube } from './kube.ts'
import { type Asked, reply, startApiServer } from './test-support/api-server.ts'
import { rawDeployment } from './test-support/deployments.ts'

const at = (resourceVersion: string) => rawDeployment({ metadata: { resourceVersion } })
const isWatch = ({ url }: Asked) => url.searchParams.has('watch')
const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`

function list(response: ServerResponse, resourceVersion: string): void {
  reply(response, 200, { metadata: { resourceVersion }, items: [at(resourceVersion)] })
}

/** Follows until `enough` versions were heard of; gives what was heard and what was asked. */
async function watchUntil(
  enough: number,
  watch: (asked: Asked, response: ServerResponse, count: number) => void,
  silenceMs = 60_000,
) {
  let watches = 0
  let lists = 0
  await using api = await startApiServer((asked, response) => {
    if (isWatch(asked)) watch(asked, response, ++watches)
    else list(response, `${++lists}0`)
  })
  await using kube = await openKube({ access: api.access, fieldManager: 'test', random: () => 0 })
  const stop = new AbortController()
  const heard: (string | undefined)[] = []
  const troubles: string[] = []
  await kube.watchDeployment('tf-server', {
    signal: stop.signal,
    silenceMs,
    onDeployment: (deployment) => {
      heard.push(deployment?.resourceVersion)
      if (heard.length === enough) stop.abort()
    },
    onTrouble: ({ code }) => troubles.push(code),
  })
  const from = api.asked.filter(isWatch).map(({ url }) => url.searchParams.get('resourceVersion'))
  return { heard, troubles, from, lists }
}

test('a watch that ends goes on from the last version that it saw', async () => {
  const { heard, from, lists } = await watchUntil(3, (_asked, response, count) => {
    response.end(line('MODIFIED', at(`1${count}`)))
  })

  expect(heard).toEqual(['10', '11', '12'])
  expect(from).toEqual(['10', '11'])
  expect(lists).toBe(1)
})

test('a bookmark moves the version without being heard', async () => {
  const { heard, from } = await watchUntil(2, (_asked, response, count) => {
    const bookmark = { metadata: { resourceVersion: '15' } }
    response.end(count === 1 ? line('BOOKMARK', bookmark) : line('MODIFIED', at('16')))
  })

  expect(heard).toEqual(['10', '16'])
  expect(from).toEqual(['10', '15'])
})

test.each([
  ['as a status', (response: ServerResponse) => reply(response, 410, {})],
  ['as an event', (response: ServerResponse) => response.end(line('ERROR', { code: 410 }))],
])('a version that is too old, told %s, leads to a new list', async (_how, refuse) => {
  const { heard, lists } = await watchUntil(2, (_asked, response) => refuse(response))

  expect(heard).toEqual(['10', '20'])
  expect(lists).toBe(2)
})

test('a watch without a sign of life is begun again from the same version', async () => {
  const silenceMs = 200
  const { heard, from, troubles } = await watchUntil(
    2,
    (_asked, response, count) => {
      response.writeHead(200)
      response.flushHeaders()
      if (count > 1) response.write(line('DELETED', at('11')))
    },
    silenceMs,
  )

  expect(heard).toEqual(['10', undefined])
  expect(from.length).toBeGreaterThan(1)
  expect(new Set(from)).toEqual(new Set(['10']))
  expect(troubles).toEqual([])
})

test('a watch that is refused or broken is told and tried again', async () => {
  const { heard, troubles } = await watchUntil(2, (_asked, response, count) => {
    if (count === 1) reply(response, 403, { message: 'no' })
    else if (count === 2) response.destroy()
    else if (count === 3) response.end('no json\n')
    else response.end(line('MODIFIED', at('11')))
  })

  expect(heard).toEqual(['10', '11'])
  expect(troubles).toEqual(['FORBIDDEN', 'UNAVAILABLE', 'INVALID'])
})

test('what the listener throws ends the watch', async () => {
  await using api = await startApiServer((_asked, response) => list(response, '1'))
  await using kube = await openKube({ access: api.access, fieldManager: 'test' })

  const watching = kube.watchDeployment('tf-server', {
    signal: new AbortController().signal,
    onDeployment: () => {
      throw new Error('a mistake of ours')
    },
    onTrouble: () => {},
  })

  await expect(watching).rejects.toThrow('a mistake of ours')
})
