import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startProbe } from '@drover/inference'
import {
  bucketKey,
  channelKey,
  configKey,
  digestOfFiles,
  emptyChannel,
  madePrefix,
  renderConfig,
  sha256,
  type Verdict,
} from '@drover/model-config'
import { requireJson, swapJson } from '@drover/model-store'
import {
  compareAnswers,
  decodeTensors,
  floatTensor,
  GoldenAnswers,
  TOLERANCE,
} from '@drover/serving-api'
import { afterAll, describe, expect, test } from 'vitest'
import { qualityOf } from '../facts.fixture.ts'
import {
  linearModel,
  noisyModel,
  ofTwoInputs,
  renamedModel,
  unaryModel,
} from '../models.fixture.ts'
import { type Files, filesOf, type World } from '../world.fixture.ts'
import { golden, id, startGate, startWith, verdictIn } from './gate.fixture.ts'
import type { GateParts } from './gate.ts'

const probe = startProbe()
afterAll(async () => await probe[Symbol.asyncDispose]())

test("a good version passes; TensorFlow's answers to its golden requests lie beside the verdict", async () => {
  await using world = await startWith(filesOf(linearModel(), golden()))

  const hasJudged = await startGate(world, { probe }).look(id)

  const verdict = await verdictIn(world)
  expect(hasJudged).toBe(true)
  expect(verdict).toMatchObject({ n: 1, pass: true, by: 'gate', engine: 'kernel' })
  expect(verdict?.made).toBe(digestOfFiles(verdict?.files ?? []))
  for (const { path, sha256: digest } of verdict?.files ?? []) {
    const content = await world.store.read(`${madePrefix(id, 1, 1)}/${path}`)
    expect(sha256(content ?? '')).toBe(digest)
  }
  const answers = await requireJson(
    world.store,
    `${madePrefix(id, 1, 1)}/golden.json`,
    GoldenAnswers,
  )
  const [request] = answers.requests
  const comparison = compareAnswers(
    { scores: floatTensor(softmax([0.5 + 0.4, -0.5 + 1, 0.1 - 0.6]), [1, 3]) },
    decodeTensors(request?.outputs ?? {}),
    TOLERANCE.engines,
  )
  expect(comparison.agreement).toBe('agrees')
})

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp)
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

test('a version that brought no golden requests gets the same seeded ones every time', async () => {
  const seeds = async () => {
    await using world = await startWith(filesOf(linearModel()))
    await startGate(world, { probe }).look(id)
    return await requireJson(world.store, `${madePrefix(id, 1, 1)}/golden.json`, GoldenAnswers)
  }

  const [first, second] = [await seeds(), await seeds()]

  expect(first.requests.map(({ signature }) => signature)).toEqual([
    'serving_default',
    'serving_default',
  ])
  expect(second).toEqual(first)
})

test.each<[string, 'ragged' | 'places', number[]]>([
  ['where rows of values begin are asked for so', 'ragged', [0, 1, 3]],
  ['what only looks like it is asked for as it is', 'places', [1, 1]],
])('inputs that tell %s', async (_, kind, asked) => {
  await using world = await startWith(filesOf(ofTwoInputs(kind)))

  await startGate(world, { probe }).look(id)

  const { requests } = await requireJson(
    world.store,
    `${madePrefix(id, 1, 1)}/golden.json`,
    GoldenAnswers,
  )
  expect(await verdictIn(world)).toMatchObject({ pass: true, engine: 'onnx' })
  const seen = requests.map(({ inputs }) => inputs['x_1']?.values.map(Number))
  expect(seen).toContainEqual(asked)
})

test('a signature that answers by chance is confirmed by no request, the others are', async () => {
  await using world = await startWith(filesOf(noisyModel('steady')))

  await startGate(world, { probe }).look(id)

  const { requests } = await requireJson(
    world.store,
    `${madePrefix(id, 1, 1)}/golden.json`,
    GoldenAnswers,
  )
  expect((await verdictIn(world))?.pass).toBe(true)
  expect(requests.map(({ signature }) => signature)).toEqual(['steady', 'steady'])
})

test('a version that only TensorFlow can run is served by TensorFlow', async () => {
  await using world = await startWith(filesOf(unaryModel('Digamma'), golden()))

  await startGate(world, { probe }).look(id)

  const verdict = await verdictIn(world)
  expect(verdict).toMatchObject({ pass: true, engine: 'tensorflow' })
  expect(engineReason(verdict)).toMatch(/^served by TensorFlow: .*Digamma \(node scores\)/)
})

const engineReason = (verdict: Verdict | undefined): string | undefined =>
  verdict?.checks.find(({ name }) => name === 'engines')?.reason

test('a version on which the engines disagree is served by TensorFlow', async () => {
  await using world = await startWith(filesOf(linearModel(0.5), golden()))
  const other = join(world.workDirectory, 'other')
  await mkdir(other)
  await writeFile(join(other, 'saved_model.pb'), linearModel(0.501))
  const disagreeing: GateParts['probe'] = {
    check: async (check) =>
      await probe.check(check.engine === 'fast' ? { ...check, directory: other } : check),
  }

  await startGate(world, { probe: disagreeing }).look(id)

  const verdict = await verdictIn(world)
  expect(verdict).toMatchObject({ pass: true, engine: 'tensorflow' })
  expect(engineReason(verdict)).toMatch(
    /^served by TensorFlow: kernel disagrees on golden request 0: scores\[\d\] is off by/,
  )
})

describe('what is wrong with the version itself fails at once and is named', () => {
  test.each<[string, Files, RegExp]>([
    [
      'garbage',
      { 'saved_model.pb': 'no model' },
      /^it cannot be served: the model cannot be read: saved_model\.pb: not protobuf/,
    ],
    ['no model at all', { 'readme.txt': 'hello' }, /^it cannot be served: /],
    [
      'golden requests that are none',
      { ...filesOf(linearModel()), 'assets.extra/drover/golden.json': '{"format":1}' },
      /^assets.extra\/drover\/golden.json holds no golden requests/,
    ],
    [
      'golden requests for another shape',
      filesOf(linearModel(), golden({ x: floatTensor([1, 2, 3], [1, 3]) })),
      /^it cannot be served: node \S+: Matrix size-incompatible: In\[0\]: \[1,3\], In\[1\]: \[2,\d\]$/,
    ],
    [
      'answers that are not finite',
      filesOf(unaryModel('Log'), golden({ x: floatTensor([-1, 2], [1, 2]) })),
      /^TensorFlow's answer 0 is not finite/,
    ],
    [
      'answers by chance to requests of its own',
      filesOf(noisyModel(), golden()),
      /^its signature serving_default answers the same request otherwise the second time/,
    ],
    [
      'answers by chance to requests made from its signatures',
      filesOf(noisyModel()),
      /^its signature serving_default answers the same request otherwise the second time/,
    ],
    [
      'no default signature',
      filesOf(linearModel(0.5, 'other')),
      /^the signature serving_default is missing; there is other/,
    ],
    [
      'no signature at all',
      { 'saved_model.pbtxt': 'meta_graphs { meta_info_def { tags: "serve" } }' },
      /^nothing can be asked of it: it has no signatures$/,
    ],
  ])('%s', async (_, files, reason) => {
    await using world = await startWith(files)

    await startGate(world, { probe }).look(id)

    const verdict = await verdictIn(world)
    expect(verdict?.reason).toMatch(reason)
    expect(verdict?.pass).toBe(false)
  })
})

test('a version that is no better than the prior is refused, and says by how much it missed', async () => {
  const quality = qualityOf({ logLoss: 0.512 })
  await using world = await startWith(filesOf(linearModel(), golden()), { quality })

  await startGate(world, { probe }).look(id)

  const verdict = await verdictIn(world)
  expect(verdict?.reason).toBe(
    'log loss 0.512 is 0.013 above the prior 0.499 on 812 rows (5 folds)',
  )
  expect(verdict).toMatchObject({ pass: false, engine: 'kernel' })
  // A person may overrule it, so what servers need is there.
  expect(verdict?.files.map(({ path }) => path)).toEqual(['golden.json', 'signatures.json'])
})

/** Makes version 1 of the model live. */
async function makeLive({ store }: World, manifest: string): Promise<void> {
  const versions = [{ version: 1, manifest, verdict: 1, made: digestOfFiles([]) }]
  const { root, buckets } = renderConfig({ 'acme.late': { born: 1, versions, labels: {} } })
  await store.create(configKey('main', root.sha), root.text)
  for (const { sha, text } of buckets.values()) await store.create(bucketKey('main', sha), text)
  const live = { sha: root.sha, seq: 1, at: new Date().toISOString() }
  const channel = { ...emptyChannel('a'), live }
  await swapJson(store, channelKey('main'), undefined, channel)
}

test('a version that callers of the live one cannot use is refused, unless the spec changed', async () => {
  await using world = await startWith(filesOf(linearModel()))
  const gate = startGate(world, { probe })
  await gate.look(id)
  await makeLive(world, (await verdictIn(world))?.digest ?? '')
  await world.commit(id, 2, filesOf(renamedModel()))
  await world.commit(id, 3, filesOf(renamedModel()), {
    lineage: { recipe: 'push', specDigest: 'e'.repeat(64) },
  })

  await gate.look(id)

  expect((await verdictIn(world, 2))?.reason).toBe(
    'callers of the live version 1 would fail: serving_default asks for the new input features',
  )
  expect((await verdictIn(world, 3))?.pass).toBe(true)
})
