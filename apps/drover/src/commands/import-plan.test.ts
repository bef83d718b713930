import { ModelServerModel } from '@drover/model-config'
import { expect, test } from 'vitest'
import { type ImportObserved, planImport } from './import-plan.ts'

const model = (name: string, more: object = {}) =>
  ModelServerModel.parse({ name, basePath: `/m/${name}`, modelPlatform: 'tensorflow', ...more })

function seen(models: readonly ModelServerModel[], more: Partial<ImportObserved> = {}) {
  const versions = new Map(models.map(({ basePath }) => [basePath, [3n, 10n, 7n]]))
  return {
    models,
    versions,
    known: new Set<string>(),
    tenantOf: undefined,
    allVersions: false,
    ...more,
  }
}

/** What becomes of each model, in one line. */
function linesOf(observed: ImportObserved): string[] {
  const { imports, known, refusals } = planImport(observed)
  return [
    ...imports.map(({ from, name, directory, older, notes }) =>
      [`${from} -> ${name} ${[...older, directory].join(' ')}`, ...notes].join('; '),
    ),
    ...known.map(({ from, name }) => `${from} is ${name}`),
    ...refusals.map(({ from, why }) => `${from}: ${why}`),
  ]
}

const acme = { tenantOf: 'acme' }
const specific = (...versions: number[]) => ({ versionPolicy: { kind: 'specific', versions } })

test.each<[string, ImportObserved, string[]]>([
  ['a served name stays', seen([model('a.b')], acme), ['a.b -> a.b /m/a.b/10']],
  [
    'another name needs a client',
    seen([model('Half_Plus')]),
    ['Half_Plus: no <tenant>.<model>: name a client for such models with --tenant-of'],
  ],
  [
    'and is written as a name may be',
    seen([model('_Half__Plus.Two!')], acme),
    ['_Half__Plus.Two! -> acme.half-plus-two /m/_Half__Plus.Two!/10'],
  ],
  [
    'of which nothing may be left',
    seen([model('日本')], acme),
    ['日本: nothing of its name may be in a served name'],
  ],
  [
    'nor may two be one',
    seen([model('x_y'), model('X-Y')], acme),
    ['x_y: X-Y would be called acme.x-y as well', 'X-Y: x_y would be called acme.x-y as well'],
  ],
  [
    'nor one be another that keeps its name',
    seen([model('acme.x'), model('X')], acme),
    ['acme.x: X would be called acme.x as well', 'X: acme.x would be called acme.x as well'],
  ],
  ['what is there is left', seen([model('a.b')], { known: new Set(['a.b']) }), ['a.b is a.b']],
  [
    'of several versions the highest comes',
    seen([model('a.b', { versionPolicy: { kind: 'latest', numVersions: 2 } })]),
    ['a.b -> a.b /m/a.b/10; of 10, 7 only the first'],
  ],
  [
    'or all that are served, the lowest first',
    seen([model('a.b', { versionPolicy: { kind: 'all' } })], { allVersions: true }),
    ['a.b -> a.b /m/a.b/3 /m/a.b/7 /m/a.b/10; after 3, 7, to which it can go back'],
  ],
  [
    'of specific ones the highest that there is',
    seen([model('a.b', specific(3, 7, 12))]),
    ['a.b -> a.b /m/a.b/7; of 7, 3 only the first'],
  ],
  [
    'labels do not come',
    seen([model('a.b', { versionLabels: { stable: 10 } })]),
    ['a.b -> a.b /m/a.b/10; without its labels stable'],
  ],
  [
    'there has to be a version',
    seen([model('a.b', specific(4))]),
    ['a.b: /m/a.b has no version that is served'],
  ],
  [
    'in a folder',
    seen([model('a.b')], { versions: new Map([['/m/a.b', undefined]]) }),
    ['a.b: /m/a.b cannot be read'],
  ],
  [
    'of this machine',
    seen([model('a.b', { basePath: 's3://bucket/m' })]),
    ['a.b: s3://bucket/m is no folder of this machine'],
  ],
  [
    'and of TensorFlow',
    seen([model('a.b', { modelPlatform: 'jax' })]),
    ['a.b: its platform is jax, not tensorflow'],
  ],
])('%s', (_, observed, lines) => {
  expect(linesOf(observed)).toEqual(lines)
})
