// The whole loop in containers, as docs/docker.md has it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GrpcClient } from '../contract/grpc-client.ts'
import { labelByGrpc, MODEL, ROW } from '../support/sample.ts'
import { BUILD_MS_MAX, docker, whyNoCompose } from './engine.ts'
import { APPS, type Stack, startStack } from './stack.ts'

const LOOK_MS = 20
const LONG_MS_MAX = 5 * 60_000
/** An app ends itself after ten seconds, whatever hangs; the file's grace is longer. */
const STOP_MS_MAX = 15_000

const Served = z.object({ models: z.array(z.object({ name: z.string(), note: z.string() })) })
const Predicted = z.object({
  predictions: z.array(z.object({ server: z.string(), prediction: z.json() })),
})
const Status = z.object({ models: z.array(z.unknown()), servers: z.array(z.unknown()) })

const Classified = z.object({ label: z.string() })

async function expectByGrpc(address: string, prediction: unknown): Promise<void> {
  using client = new GrpcClient(address)
  expect(await labelByGrpc(client)).toBe(Classified.parse(prediction).label)
}

async function ask(rest: string): Promise<Response> {
  const url = `${rest}/v1/models/${MODEL}:predict`
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ instances: [ROW] }),
  })
  await response.arrayBuffer()
  return response
}

const HARDENING =
  '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}'
const LIMITS = '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}'
const HARDENED = /^true \[ALL\] \[no-new-privileges:true\]( [1-9]\d*){3} [1-9]\d*:[1-9]\d*$/

/** What the engine says of a service's rights and limits. */
async function hardeningOf(stack: Stack, service: string): Promise<string> {
  const format = `${HARDENING} ${LIMITS} {{.Config.User}}`
  return await docker('inspect', '--format', format, await stack.idOf(service))
}

/** The sample, from its declaration to an answer of each server; gives the names of these. */
async function runSample({ drover, servers }: Stack): Promise<string[]> {
  const served = await drover(Served, 'onboard', 'dfw', '--sample', 'flights')

  expect(served.models).toMatchObject([{ name: MODEL, note: 'version 1 on 2 of 2 servers' }])
  const asked = await drover(Predicted, 'predict', MODEL, JSON.stringify(ROW))
  expect(asked.predictions[0]?.prediction).toEqual(asked.predictions[1]?.prediction)
  for (const { grpc } of servers) await expectByGrpc(grpc, asked.predictions[0]?.prediction)
  return asked.predictions.map(({ server }) => server)
}

/** Stops the stack: each container has to end with 0, and all within the grace. */
async function expectOrderlyStop(stack: Stack, services: readonly string[]): Promise<void> {
  const startedAt = performance.now()

  await stack.compose('stop')

  expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX)
  for (const service of services) {
    const id = await stack.idOf(service)
    const format = '{{.State.ExitCode}} {{.State.OOMKilled}}'
    expect(await docker('inspect', '--format', format, id), service).toBe('0 false')
  }
}

/** Takes the stack down and brings it up again; gives what there is then. */
async function bringBack({ compose, drover }: Stack) {
  await compose('down')
  await compose('up', '--wait')
  return await drover(Status, 'status')
}

const ALL_BACK = {
  models: [{ name: MODEL, stage: 'served' }],
  servers: [{ ready: true }, { ready: true }],
}

const why = await whyNoCompose()
if (why !== undefined) console.log(`no test with Docker Compose: ${why}`)

describe.skipIf(why !== undefined)('docker compose', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack()
  }, BUILD_MS_MAX)

  afterAll(async () => await stack?.[Symbol.asyncDispose](), LONG_MS_MAX)

  test('every container is hardened', async () => {
    for (const service of ['redis', ...APPS])
      expect(await hardeningOf(stack, service), service).toMatch(HARDENED)
  })

  test(
    'a tenant of the sample is trained, published on both servers and answered by each',
    async () => expect(await runSample(stack)).toEqual(['tf-server-1', 'tf-server-2']),
    LONG_MS_MAX,
  )

  test(
    'one server is restarted while every request to the other is answered',
    async () => {
      const [first, second] = stack.servers
      using client = new GrpcClient(second.grpc)
      const outcomes: unknown[] = []
      const askByRest = async () => (await ask(second.rest)).status
      const askByGrpc = async () => (await labelByGrpc(client), 200)
      const stop = new AbortController()
      const asking = [askByRest, askByGrpc].map(async (send) => {
        while (!stop.signal.aborted) {
          outcomes.push(await send().catch((error: unknown) => error))
          await new Promise((done) => setTimeout(done, LOOK_MS))
        }
      })

      await stack.compose('restart', 'tf-server-1')
      await stack.compose('up', '--wait', '--no-recreate')
      stop.abort()
      await Promise.all(asking)

      expect(outcomes.length).toBeGreaterThan(LOOK_MS)
      expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([])
      expect((await ask(first.rest)).status).toBe(200)
    },
    LONG_MS_MAX,
  )

  test(
    'everything is there again after it was taken down and brought up',
    async () => expect(await bringBack(stack)).toMatchObject(ALL_BACK),
    LONG_MS_MAX,
  )

  test(
    'no process is left over, and a stop ends all with 0 within the grace',
    async () => {
      for (const app of APPS) {
        const states = await docker('top', await stack.idOf(app), '-eo', 'pid,stat')
        expect(states, app).not.toMatch(/ Z/)
      }
      await expectOrderlyStop(stack, ['redis', ...APPS])
    },
    LONG_MS_MAX,
  )
})

describe.skipIf(why !== undefined)('docker compose with a store on S3', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({ isOnS3: true })
  }, BUILD_MS_MAX)

  afterAll(async () => await stack?.[Symbol.asyncDispose](), LONG_MS_MAX)

  test(
    'serves the sample from it, and has nothing in the volume',
    async () => {
      expect(await runSample(stack)).toEqual(['tf-server-1', 'tf-server-2'])

      const objects = await stack.compose('exec', '-T', 's3', 'ls', '/data/drover')
      expect(objects.split('\n')).toEqual(expect.arrayContaining(['fleets', 'models', 'tenants']))
      const volume = ['exec', '-T', 'config-publisher', 'ls', '-A', '/var/lib/drover/store']
      expect(await stack.compose(...volume)).toBe('')
    },
    LONG_MS_MAX,
  )

  test('hardens it as the others, and shows it to nobody outside', async () => {
    for (const service of ['s3-bucket', 's3'])
      expect(await hardeningOf(stack, service), service).toMatch(HARDENED)
    const ports = '{{.HostConfig.PortBindings}}'
    expect(await docker('inspect', '--format', ports, await stack.idOf('s3'))).toBe('map[]')
  })

  test(
    'has everything again after it was taken down and brought up, and stops in order',
    async () => {
      expect(await bringBack(stack)).toMatchObject(ALL_BACK)
      await expectOrderlyStop(stack, ['s3', ...APPS])
    },
    LONG_MS_MAX,
  )
})
