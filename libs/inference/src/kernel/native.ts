// The native half of the kernels, which is there on x64 where it was built.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Dense, PANEL, type Products } from './wasm.ts'

/** The inputs are in `given`, which may be the memory, and all else is in that. */
type NativeDense = (memory: Float32Array, given: Float32Array, ...places: Parameters<Dense>) => void

interface Addon {
  /** Missing where the processor lacks AVX2 or FMA. */
  dense?: NativeDense
}

/** The same from the sources as from what is built. */
const ADDON = fileURLToPath(new URL('../../dist/native/dense.node', import.meta.url))
const WORTH_A_CALL = 4_096

let addon: Addon | undefined

/** Undefined where WebAssembly has to do. Throws for an addon that is there and does not load. */
export function nativeDense(): NativeDense | undefined {
  addon ??= existsSync(ADDON) ? openAddon() : {}
  return addon.dense
}

function openAddon(): Addon {
  const opened: Addon = createRequire(import.meta.url)(ADDON)
  return opened
}

/** Of fewer multiply-adds the call of native code costs more than it saves: about 0.1 us. */
export const isWorthACall = (rows: number, inputs: number, panels: number): boolean =>
  rows * inputs * panels * PANEL >= WORTH_A_CALL

/** The functions over a memory, with the native one where it is faster. */
export function withNative({ dense, sparse }: Products, memory: Float32Array): Products {
  const native = nativeDense()
  if (native === undefined) return { dense, sparse }
  return {
    sparse,
    dense(x, xStep, rows, inputs, weights, bias, panels, y, yStep, isRelu) {
      if (isWorthACall(rows, inputs, panels))
        native(memory, memory, x, xStep, rows, inputs, weights, bias, panels, y, yStep, isRelu)
      else dense(x, xStep, rows, inputs, weights, bias, panels, y, yStep, isRelu)
    },
    denseOf: (given, ...places) => native(memory, given, ...places),
  }
}
