// Where TensorProto keeps the values of each element type, and how they are laid out there.

import type { NumericType } from '../element-types.ts'

/** Numbers of TensorProto's fields. */
export const TensorField = {
  DTYPE: 1,
  SHAPE: 2,
  CONTENT: 4,
  FLOAT: 5,
  DOUBLE: 6,
  INT: 7,
  STRING: 8,
  COMPLEX64: 9,
  INT64: 10,
  BOOL: 11,
  COMPLEX128: 12,
  HALF: 13,
  UINT32: 16,
  UINT64: 17,
} as const

/** How an entry of a list is written: as its bytes, or as a number of variable length. */
export type EntryKind = 'fixed' | 'int' | 'long' | 'bool'

/** A list of values. */
export interface Layout {
  field: number
  kind: EntryKind
  /** The bytes of an entry in memory. */
  width: 1 | 2 | 4 | 8
}

const SMALL = { field: TensorField.INT, kind: 'int' } as const

/** The list of each element type; complex numbers take two entries. */
export const LAYOUTS: Readonly<Record<NumericType, Layout>> = {
  DT_FLOAT: { field: TensorField.FLOAT, kind: 'fixed', width: 4 },
  DT_DOUBLE: { field: TensorField.DOUBLE, kind: 'fixed', width: 8 },
  DT_INT32: { ...SMALL, width: 4 },
  DT_UINT8: { ...SMALL, width: 1 },
  DT_INT16: { ...SMALL, width: 2 },
  DT_INT8: { ...SMALL, width: 1 },
  DT_COMPLEX64: { field: TensorField.COMPLEX64, kind: 'fixed', width: 4 },
  DT_INT64: { field: TensorField.INT64, kind: 'long', width: 8 },
  DT_BOOL: { field: TensorField.BOOL, kind: 'bool', width: 1 },
  DT_BFLOAT16: { field: TensorField.HALF, kind: 'int', width: 2 },
  DT_UINT16: { ...SMALL, width: 2 },
  DT_COMPLEX128: { field: TensorField.COMPLEX128, kind: 'fixed', width: 8 },
  DT_HALF: { field: TensorField.HALF, kind: 'int', width: 2 },
  DT_UINT32: { field: TensorField.UINT32, kind: 'int', width: 4 },
  DT_UINT64: { field: TensorField.UINT64, kind: 'long', width: 8 },
}
