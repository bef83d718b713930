// Dense layers of all shapes up to 70 rows and 70 inputs against a plain loop; see products.test.ts.

import { expect, test } from 'vitest'
import { nativeDense } from './native.ts'
import { faultOf, floats, memory, PARTS } from './products.fixture.ts'
import { type Dense, productsIn } from './wasm.ts'

const MOST = 70
const PANELS = 5
const TEST_MS_MAX = 300_000

const native = nativeDense()
const functions: [string, Dense][] = [['WebAssembly', productsIn(memory).dense]]
if (native !== undefined)
  functions.push(['native code', (...places) => native(floats, floats, ...places)])

test.each(functions)(
  '%s gives what a loop gives for all shapes',
  (_, dense) => {
    const faults = new Set<string>()
    for (let rows = 1; rows <= MOST; rows++)
      for (let inputs = 1; inputs <= MOST; inputs++) {
        const seed = rows * MOST + inputs
        const panels = 1 + (seed % PANELS)
        const layer = { rows, inputs, panels, isRelu: seed % 2 === 0, xGap: 1, yGap: 1, seed }
        const last = PARTS[(rows + inputs) % PARTS.length] ?? 'y'
        const fault = faultOf(dense, { ...layer, odd: seed % 7 === 0 ? NaN : undefined }, last)
        if (fault !== undefined) faults.add(`${rows} x ${inputs} x ${panels}: ${fault}`)
      }

    expect([...faults]).toEqual([])
  },
  TEST_MS_MAX,
)
