export { extent, type Extent as TensorExtent, rangeOfNumbers } from './extent.ts'
export { foretell, type Foretold, isForetold, type Limits, type Rounds } from './foretell.ts'
export { type OutlineGraph, outlineOf } from './outline.ts'
