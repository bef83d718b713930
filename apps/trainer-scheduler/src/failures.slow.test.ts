import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  type Bench,
  makeCsv,
  makeSpec,
  type ModelView,
  startBench,
  startRig,
  viewOf,
} from './scheduler.fixture.ts'
import { waitForCommits, waitForView } from './waits.fixture.ts'

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
  await bench.trainer.warm()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

const isFinal = ({ failure }: ModelView): boolean => failure?.final === true

describe('data that cannot be trained on', () => {
  test.each([
    ['a broken row', 'size,kind\n1,low\n2\n', /row 3|line 3/],
    ['no rows', 'size,kind\n', /row/],
    ['one class', `size,kind\n${'1,low\n'.repeat(60)}`, /class|label/],
    ['no such column', `length,kind\n${'1,low\n2,high\n'.repeat(30)}`, /size/],
  ])(
    '%s is reported once, by file and place, and another tenant is trained',
    async (kind, csv, text) => {
      const name = `bad-${kind.replaceAll(' ', '-')}`
      await using rig = await startRig(bench, { name })
      const upload = await rig.upload('bad/late', csv)
      const data = { upload, name: 'rows of may.csv' }
      const recipe = makeSpec(upload).models.late?.recipe
      await rig.call('PUT', '/v1/tenants/bad', { models: { late: { recipe, data } } })
      await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))

      const { failure, due } = await waitForView(rig, 'bad', isFinal)
      await waitForCommits(rig, 1)

      expect(failure?.class).toBe('data')
      expect(failure?.reason).toMatch(text)
      expect(failure?.reason).toMatch(/^rows of may\.csv: /)
      expect(due).toBe(false)
    },
  )

  test('is trained on again as soon as other data is declared', async () => {
    await using rig = await startRig(bench, { name: 'mended' })
    await rig.call(
      'PUT',
      '/v1/tenants/acme',
      makeSpec(await rig.upload('acme/late', 'size,kind\n')),
    )
    await waitForView(rig, 'acme', (view) => view.failure !== undefined)
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))

    const [manifest] = await waitForCommits(rig, 1)

    expect(manifest?.version).toBe(2)
    expect((await viewOf(rig, 'acme')).failure).toBeUndefined()
  })
})

const script = (text: string) => ({
  argv: [process.execPath, '--input-type=commonjs', '-e', text, '--'],
  timeoutMs: 2_000,
})
const file = (path: string, content: string) =>
  `require('fs').writeFileSync(process.argv.at(-1)+'/${path}', ${JSON.stringify(content)});`

describe('a command', () => {
  const commands = {
    fails: script(`console.error('no luck today'); process.exit(1)`),
    hangs: { ...script('setInterval(() => {}, 1000)'), timeoutMs: 300 },
    silent: script(''),
    garbage: script(file('saved_model.pb', 'not a model')),
    link: script(
      `${file('saved_model.pb', '')}require('fs').symlinkSync('/etc/passwd', process.argv.at(-1)+'/stolen')`,
    ),
    verdict: script(`${file('saved_model.pb', '')}${file('VERDICT.json', '{}')}`),
  }

  test.each([
    ['fails', /exit code 1.*no luck today/],
    ['hangs', /longer than 300 ms/],
    ['silent', /saved_model\.pb/],
    ['garbage', /saved_model\.pb/],
    ['link', /stolen.*link/],
    ['verdict', /VERDICT\.json.*reserved/],
  ])('that %s is named, and another tenant is trained', async (command, text) => {
    await using rig = await startRig(bench, { name: `command-${command}`, commands })
    const upload = await rig.upload('bad/late', makeCsv())
    const late = { recipe: { name: 'command', command }, data: { upload } }
    await rig.call('PUT', '/v1/tenants/bad', { models: { late } })
    await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))

    const { failure } = await waitForView(rig, 'bad', (view) => view.failure !== undefined)
    await waitForCommits(rig, 1)

    expect(failure?.class).toBe('poison')
    expect(failure?.reason).toMatch(text)
  })

  test('that fails three times is in quarantine until somebody asks for it again', async () => {
    await using rig = await startRig(bench, { name: 'quarantine', commands })
    const upload = await rig.upload('bad/late', makeCsv())
    const late = { recipe: { name: 'command', command: 'fails' }, data: { upload } }
    await rig.call('PUT', '/v1/tenants/bad', { models: { late } })

    const view = await waitForView(rig, 'bad', ({ quarantined }) => quarantined)
    const { body } = await rig.call('GET', '/v1/runs?tenant=bad')
    await rig.call('POST', '/v1/tenants/bad/models/late/train', {})

    expect(view).toMatchObject({ due: false, why: expect.stringContaining('3 runs in a row') })
    expect(z.object({ runs: z.array(z.object({ state: z.string() })) }).parse(body).runs).toEqual([
      { state: 'failed' },
      { state: 'failed' },
      { state: 'failed' },
    ])
    expect((await viewOf(rig, 'bad')).due).toBe(true)
  })
})
