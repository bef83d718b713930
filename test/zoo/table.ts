// What a run of the zoo found, to be read: as lines for a terminal, and as a page of the docs.

import { PYTHON_VERSIONS } from '../support/python.ts'
import { blockedByForm, blockersOf } from './ops.ts'
import { PUBLISHED } from './published-list.ts'
import { isFast, type Row } from './run.ts'

const REASON_CHARACTERS_MAX = 160
const BLOCKERS_MAX = 60

/** How many models there are, and how they did. */
export interface Counts {
  models: number
  /** Those that answer as Python does. */
  right: number
  /** Those of them that need no TensorFlow. */
  fast: number
}

export function countsOf(rows: readonly Row[]): Counts {
  const right = rows.filter(({ failure }) => failure === undefined)
  return { models: rows.length, right: right.length, fast: right.filter(isFast).length }
}

/** One line of a terminal. */
export function lineOf(row: Row): string {
  const [engine, difference, load, memory] = figuresOf(row)
  const figures = [
    row.name.padEnd(42),
    engine.padEnd(10),
    difference.padStart(8),
    load.padStart(8),
    memory.padStart(8),
  ]
  return `${figures.join(' ')}  ${shortened(row.failure ?? row.reason ?? '')}`
}

/** The counts as one sentence. */
export function summaryOf(rows: readonly Row[], measure = 'Python TensorFlow'): string {
  const { models, right, fast } = countsOf(rows)
  return `${models} models: ${right} answer as ${measure} does (${share(right, models)}), ${fast} of them on a fast engine (${share(fast, models)})`
}

const share = (part: number, whole: number): string =>
  `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

/** The engine, the difference, milliseconds and MB. */
function figuresOf({ engine, failure, difference, loadMs, memoryBytes }: Row) {
  const isRight = failure === undefined
  return [
    engine ?? 'none',
    isRight ? difference.toExponential(0).replace('0e+0', '0') : 'wrong',
    loadMs.toFixed(1),
    (memoryBytes / 2 ** 20).toFixed(1),
  ] as const
}

const shortened = (text: string): string =>
  text.length > REASON_CHARACTERS_MAX ? `${text.slice(0, REASON_CHARACTERS_MAX)}...` : text

/**
 * The page `docs/compatibility.md`, of the models that Python makes and of those that others published. `alone` has
 * the first once more, as TensorFlow's engine runs them.
 */
export function pageOf(
  rows: readonly Row[],
  { published, alone }: { published: readonly Row[]; alone: readonly Row[] },
): string {
  const families = [...new Set(rows.map(({ family }) => family))]
  return `${[
    '# Compatibility',
    '',
    `Written by \`npm run zoo -- --write\`; do not edit. The models are made by Python (\`test/python/zoo\`; \`${PYTHON_VERSIONS}\`),`,
    'loaded with the engine `auto` and asked what Python was asked. An answer is right when each float differs by at most',
    '1e-5 * max(1, largest expected) (float16 by 2^-10, bfloat16 by 2^-7 times that), and everything else is the same to the last bit. *Difference* is the largest one by that',
    'measure; *load* is with the files in the memory of the machine; *memory* is by how much the processes grew over the load and',
    'the requests, as the system tells it, so that small models often show nothing. *Why* says what keeps a model from the fast',
    'engines (`kernel`, `onnx`), or what is wrong with it.',
    '',
    `**${summaryOf(rows)}.**`,
    '',
    ...families.flatMap((family) => familyOf(rows.filter((row) => row.family === family))),
    ...publishedPart(published),
    ...tensorflowPart(alone, rows),
    ...blockersPart(rows),
  ].join('\n')}\n`
}

function familyOf(rows: readonly Row[]): string[] {
  const { models, right, fast } = countsOf(rows)
  return [
    `## ${rows[0]?.family ?? ''}: ${right} of ${models} right, ${fast} fast`,
    '',
    '| model | saved by | parameters | engine | difference | load, ms | memory, MB | why |',
    '| --- | --- | ---: | --- | ---: | ---: | ---: | --- |',
    ...rows.map((row) => {
      const cells = [row.name, row.how, `${row.parameters}`, ...figuresOf(row), whyOf(row)]
      return `| ${cells.join(' | ')} |`
    }),
    '',
  ]
}

const whyOf = ({ failure, reason }: Row): string =>
  shortened(failure ?? reason ?? '').replaceAll('|', '\\|')

function publishedPart(rows: readonly Row[]): string[] {
  const { models, right, fast } = countsOf(rows)
  return [
    `## Published models: ${right} of ${models} right, ${fast} fast`,
    '',
    'Made by others, in packages of PyPI and npm (fetched at these versions when they are asked for, and no part of this repository),',
    'and asked what their own runtime was asked: TensorFlow, or TF.js for what TF.js wrote. What is no SavedModel is made one first',
    '(`test/python/published.py`): layers are exported by Keras, and the graph of a graph model gets its weights back and what TF.js',
    'fused taken apart. Of `vscode-languagedetection` ASCII alone is asked: TF.js decodes the bytes that it splits a text into, and so',
    'answers otherwise than TensorFlow where a character has several; `guesslang`, the same model, is asked for such texts too.',
    '',
    '| model | package | licence | carries | measured by | size, MB | engine | difference | load, ms | memory, MB | why |',
    '| --- | --- | --- | --- | --- | ---: | --- | ---: | ---: | ---: | --- |',
    ...rows.map((row) => {
      const source = PUBLISHED[row.name]
      const told = [source?.from.licence ?? '', source?.kind ?? '', source?.runtime ?? '']
      const figures = [(row.bytes / 2 ** 20).toFixed(1), ...figuresOf(row)]
      return `| ${[row.name, row.how, ...told, ...figures, whyOf(row)].join(' | ')} |`
    }),
    '',
  ]
}

/** What TensorFlow's own engine does not answer as Python does. */
function tensorflowPart(alone: readonly Row[], rows: readonly Row[]): string[] {
  const { models, right } = countsOf(alone)
  const wrong = alone.filter(({ failure }) => failure !== undefined)
  const engines = new Map(rows.map(({ name, engine }) => [name, engine ?? 'none']))
  return [
    `## TensorFlow 2.15: ${right} of ${models} right`,
    '',
    'The same models, each on the engine `tensorflow` (tfjs-node 4.22 on TensorFlow 2.15.1), whatever `auto` chooses. What it refuses or',
    'answers otherwise is here; a model that `auto` leaves to it is not counted as served above then.',
    '',
    ...(wrong.length === 0
      ? ['It answers all of them as Python does.']
      : [
          '| model | what `auto` chooses | why |',
          '| --- | --- | --- |',
          ...wrong.map((row) => `| ${[row.name, engines.get(row.name), whyOf(row)].join(' | ')} |`),
        ]),
    '',
  ]
}

function blockersPart(rows: readonly Row[]): string[] {
  const blockers = blockersOf(rows)
  const byForm = blockedByForm(rows)
  return [
    '## Operations without a translation',
    '',
    'How many of the models that no fast engine runs need each, and how many of these need nothing else. That an operation is',
    'translated does not say that each form and each type of it is.',
    '',
    '| operation | models | nothing else |',
    '| --- | ---: | ---: |',
    ...blockers
      .slice(0, BLOCKERS_MAX)
      .map(({ what, models, alone }) => `| ${what} | ${models} | ${alone.length} |`),
    ...(blockers.length > BLOCKERS_MAX ? ['', `${blockers.length - BLOCKERS_MAX} more.`] : []),
    ...(byForm.length > 0
      ? ['', `All of their operations, but not in this form or of this type: ${byForm.join(', ')}.`]
      : []),
  ]
}
