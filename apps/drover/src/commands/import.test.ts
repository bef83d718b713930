import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen, makeApi, makeLog } from '@drover/service'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { Exit } from '../output.ts'
import { importCommand } from './import.ts'
import { contextOf } from './context.fixture.ts'

const log = makeLog('test')
log.level = 'silent'
const Pushed = z.object({ files: z.array(z.object({ sha256: z.string() })) })
const OPTIONS = { fleet: 'main', apply: true, wait: false, timeout: 30 }

const isReady = () => ({ ready: true })

const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
const at = '2026-01-01T00:00:00.000Z'

/** What scheduler and publisher say of a client that declared `a.b`, as one, with so many versions. */
const declared = (versions: number) => ({
  tenant: 'a',
  tombstone: false,
  generation: 1,
  changedAt: at,
  traceparent: trace,
  fleet: 'main',
  spec: { fleet: 'main', models: { b: { recipe: { name: 'push' } } } },
  models: {
    b: {
      due: false,
      running: false,
      versions: Array.from({ length: versions }, (_, index) => ({
        version: index + 1,
        at,
        queuedAt: at,
        startedAt: at,
        traceparent: trace,
      })),
    },
  },
})

/**
 * A trainer-scheduler that takes uploads and counts versions, and a set-up that serves two. `tenant`: what
 * it says of the client; there is none unless told.
 */
async function startTakeover(tenant?: object) {
  const folder = await mkdtemp(join(tmpdir(), 'drover-import-'))
  for (const version of [2, 5]) {
    await mkdir(join(folder, 'm', `${version}`), { recursive: true })
    await writeFile(join(folder, 'm', `${version}`, 'saved_model.pb'), `model ${version}`)
  }
  const config = join(folder, 'models.config')
  const policy = 'model_version_policy { all {} }'
  const entry = `name: "a.b" base_path: "${folder}/m" model_platform: "tensorflow" ${policy}`
  await writeFile(config, `model_config_list { config { ${entry} } }`)

  const uploads: string[] = []
  const versions: unknown[] = []
  const api = makeApi({ log, token: undefined, isReady }, (routes) => {
    routes.get('/v1/tenants/a', (_request, response) => {
      if (tenant === undefined) response.status(404).json({ error: 'there is no tenant a' })
      else response.json(tenant)
    })
    routes.put('/v1/tenants/a', (_request, response) => {
      response.status(202).json({ tenant: 'a', generation: 1 })
    })
    routes.put('/v1/data/a/b/:sha', (request, response) => {
      uploads.push(request.params.sha)
      request.resume().once('end', () => response.status(201).json({}))
    })
    routes.post('/v1/tenants/a/models/b/versions', (request, response) => {
      const { files } = Pushed.parse(request.body)
      versions.push(files.map(({ sha256 }) => uploads.indexOf(sha256)))
      response.status(202).json({ version: versions.length })
    })
  })
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  return {
    ...contextOf(url),
    config,
    versions,
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

test('every version that is served is pushed, the lowest first', async () => {
  await using takeover = await startTakeover()
  const { context, config, lines, versions } = takeover

  await importCommand(context, config, { ...OPTIONS, allVersions: true })

  expect(lines.slice(0, 2)).toEqual(['a.b has version 1', 'a.b has version 2'])
  expect(versions).toEqual([[0], [1]])
  expect(lines.at(-1)).toMatch(/"older":\[".*\/m\/2"\]/)
})

test('only the highest is unless told', async () => {
  await using takeover = await startTakeover()

  await importCommand(takeover.context, takeover.config, OPTIONS)

  expect(takeover.versions).toEqual([[0]])
  expect(takeover.lines[0]).toBe('a.b has version 1')
})

test.each([
  ['whose push was cut off is pushed', 0, [[0]]],
  ['that has a version is left alone', 1, []],
])('a model that is declared and %s', async (_name, count, pushed) => {
  await using takeover = await startTakeover(declared(count))

  await importCommand(takeover.context, takeover.config, OPTIONS)

  expect(takeover.versions).toEqual(pushed)
})

test('a set-up of which something is refused ends otherwise, also when nothing was to be done', async () => {
  await using takeover = await startTakeover()
  const entry = 'name: "m" base_path: "/none" model_platform: "tensorflow"'
  await writeFile(takeover.config, `model_config_list { config { ${entry} } }`)

  const dry = importCommand(takeover.context, takeover.config, { ...OPTIONS, apply: false })

  await expect(dry).rejects.toMatchObject({ exit: Exit.CONFLICT })
  expect(takeover.lines.at(-1)).toMatch(/"refusals":\[\{"from":"m"/)
})
