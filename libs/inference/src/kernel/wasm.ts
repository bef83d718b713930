// The WebAssembly of the kernels, and the little of its interface that is used here.

import { DENSE_WASM } from './dense-wasm.ts'

/** Memory that threads share. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer
}

interface WasmInterface {
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: Products }
}
declare const WebAssembly: WasmInterface

/** A dense layer; see `dense.wat`. Places and steps are in bytes. */
export type Dense = (
  x: number,
  xStep: number,
  rows: number,
  inputs: number,
  weights: number,
  bias: number,
  panels: number,
  y: number,
  yStep: number,
  isRelu: number,
) => void

/** One row of a dense layer of which a few inputs are not zero; see `dense.wat`. */
export type Sparse = (
  x: number,
  at: number,
  count: number,
  inputs: number,
  weights: number,
  bias: number,
  panels: number,
  y: number,
  isRelu: number,
) => void

/** The functions over a memory. */
export interface Products {
  dense: Dense
  sparse: Sparse
  /** The same as `dense` of inputs that lie elsewhere; WebAssembly sees nothing but its memory. */
  denseOf?: (given: Float32Array, ...places: Parameters<Dense>) => void
}

/** Columns of a panel of weights. */
export const PANEL = 8
/** WebAssembly counts memory in these. */
const PAGE_BYTES = 65_536

/** Makes memory of at least so many bytes; none of it is taken before it is touched. */
export function shareMemory(bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES)
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
}

let module: object | undefined

/** The layers' functions over a memory. */
export function productsIn(memory: WasmMemory): Products {
  module ??= new WebAssembly.Module(Buffer.from(DENSE_WASM, 'base64'))
  return new WebAssembly.Instance(module, { env: { memory } }).exports
}
