import { expect, test } from 'vitest'
import { sha256 } from './canonical.ts'
import { annotationOf, type ConfigRef, parseAnnotation } from './channel.ts'

const sha = sha256('a config')

test.each<[string, string, ConfigRef | undefined]>([
  ['a config at its seq', annotationOf({ sha, seq: 5 }), { sha, seq: 5 }],
  ['the first seq that a write can have', `1-${sha}`, { sha, seq: 1 }],
  ['seq 0, at which no config was ever published', `0-${sha}`, undefined],
  ['seq 0 in more digits', `000-${sha}`, undefined],
  ['a seq that no number holds', `${'9'.repeat(16)}-${sha}`, undefined],
  ['a digest without a seq', sha, undefined],
  ['a digest that is cut', `5-${sha.slice(1)}`, undefined],
  ['a word', 'latest', undefined],
  ['nothing', '', undefined],
])('an annotation: %s', (_what, text, named) => {
  expect(parseAnnotation(text)).toEqual(named)
})
