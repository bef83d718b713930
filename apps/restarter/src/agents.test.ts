import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import { sha256 } from '@drover/model-config'
import { expect, test } from 'vitest'
import { AgentCode, makeAgents } from './agents.ts'
import { state } from './test-support/observed.ts'

/** An HTTP server that answers whatever the test says, and counts what it is asked. */
async function startWeb(answer: RequestListener) {
  const asked: string[] = []
  const web = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(web, 'listening')
  const address = web.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    asked,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      web.close()
      web.closeAllConnections()
      await once(web, 'close')
    },
  }
}

const signal = () => AbortSignal.timeout(5_000)

test('a redirect is refused, and the token goes nowhere else', async () => {
  await using other = await startWeb((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(state(4))),
  )
  await using agent = await startWeb(({ url }, response) =>
    response.writeHead(307, { location: `${other.url}${url}` }).end(),
  )
  const agents = makeAgents('secret')
  const order = { sha: sha256('5'), seq: 5, fence: 1 }

  const refusal = { code: AgentCode.REFUSED, message: expect.stringContaining('answered 307') }
  await expect(agents.state(agent.url, signal())).rejects.toMatchObject(refusal)
  await expect(agents.apply(agent.url, order, { signal: signal() })).rejects.toMatchObject(refusal)
  expect(agent.asked).toEqual(['GET /v1/state', 'POST /v1/apply'])
  expect(other.asked).toEqual([])
})

test.each([
  [500, 'no', AgentCode.REFUSED],
  [502, '<html>Bad Gateway</html>', AgentCode.LOST],
  [503, '{"message": "no healthy upstream"}', AgentCode.LOST],
  [503, '{"error": "disk full"}', AgentCode.REFUSED],
  [504, 'upstream request timeout', AgentCode.LOST],
])('%i with %s is %s: what a proxy says is no word of the agent', async (status, text, code) => {
  await using agent = await startWeb((_request, response) => response.writeHead(status).end(text))
  const agents = makeAgents(undefined)
  const order = { sha: sha256('5'), seq: 5, fence: 1 }

  await expect(agents.state(agent.url, signal())).rejects.toMatchObject({ code })
  await expect(agents.apply(agent.url, order, { signal: signal() })).rejects.toMatchObject({ code })
  await expect(
    agents.recycle(agent.url, { fence: 1, recycles: 0 }, { signal: signal() }),
  ).rejects.toMatchObject({ code })
})
