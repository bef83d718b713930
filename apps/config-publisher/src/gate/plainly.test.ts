import { expect, test } from 'vitest'
import { plainly } from './plainly.ts'

const PLACE = '{{function_node __inference_serve_17}}{{node tower/MatMul}}'

test.each([
  [
    'the node is named as the graph names it',
    `Matrix size-incompatible: In[0]: [1,2]\n\t [[${PLACE}]]`,
    'node tower/MatMul: Matrix size-incompatible: In[0]: [1,2]',
  ],
  [
    'of several faults the first one is told',
    `2 root error(s) found.\n  (0) INVALID_ARGUMENT: Matrix size-incompatible\n\t [[${PLACE}]]\n\t [[y/_5]]\n` +
      `  (1) INVALID_ARGUMENT: Matrix size-incompatible\n\t [[{{node other}}]]\n0 successful operations.`,
    'node tower/MatMul: Matrix size-incompatible',
  ],
  [
    'what is no place stays',
    `assertion failed: [] [Condition x > 0 did not hold:] [x = ] [[-1 2]]\n\t [[${PLACE}]]`,
    'node tower/MatMul: assertion failed: [] [Condition x > 0 did not hold:] [x = ] [[-1 2]]',
  ],
  ['without a node it is as it was', 'it cannot\n be [[read]]', 'it cannot be [[read]]'],
])('%s', (_, text, plain) => {
  expect(plainly(text)).toBe(plain)
})

test('a text that never closes what it opens takes no time', () => {
  const text = `{{node x}}${' [['.repeat(1_000_000)}`

  expect(plainly(text)).toMatch(/^node x: /)
})
