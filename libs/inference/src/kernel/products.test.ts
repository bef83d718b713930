// Dense layers of the native code and of WebAssembly against a plain loop in doubles, in memory where
// nothing else may be read or written.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nativeDense } from './native.ts'
import { faultOf, floats, layers, memory, PARTS, sparseFaultOf } from './products.fixture.ts'
import { type Dense, productsIn } from './wasm.ts'

const RUNS = 150
const products = productsIn(memory)
const native = nativeDense()
const functions: [string, Dense][] = [['WebAssembly', products.dense]]
if (native !== undefined)
  functions.push(['native code', (...places) => native(floats, floats, ...places)])

describe.each(functions)('%s', (_, dense) => {
  test.each(PARTS)('gives what a loop gives, where the memory ends with %s', (last) => {
    fc.assert(
      fc.property(layers, (layer) => {
        expect(faultOf(dense, layer, last)).toBeUndefined()
      }),
      { numRuns: RUNS },
    )
  })

  test('does so for all numbers of rows and of panels, and of inputs up to 18', () => {
    const rest = { isRelu: false, xGap: 1, yGap: 3, seed: 3, odd: undefined }
    for (let rows = 1; rows <= 14; rows++)
      for (let panels = 1; panels <= 9; panels++)
        for (let inputs = 1; inputs <= 18; inputs++)
          expect(faultOf(dense, { ...rest, rows, panels, inputs }, 'weights')).toBeUndefined()
  })
})

test('a row of few inputs gives what it gives with all zeros', () => {
  fc.assert(
    fc.property(layers, (layer) => {
      expect(sparseFaultOf(products, layer)).toBeUndefined()
    }),
    { numRuns: RUNS },
  )
})
