export { carriedTypeIn, NARROW, onCarriers } from './nodes.ts'
export { carriedSignature } from './signature.ts'
export { type CarriedType, isCarriedType } from './types.ts'
export { isNarrow, narrowed, type NarrowType, rounded, widened } from './values.ts'
