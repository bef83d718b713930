// What products that are added up are tried on.

import { attr } from '@drover/saved-model'
import { floatTensor, type Tensor } from '@drover/serving-api'
import { INT32, INT64, of } from './sample-case.ts'
import { type Case, fixed } from './sample-slices.ts'
import { double, int32, int64 } from './sample-tensors.ts'

/** Small numbers that are told from each other. */
const filled = (...shape: number[]): Tensor => {
  const count = shape.reduce((product, size) => product * size, 1)
  return floatTensor(
    Array.from({ length: count }, (_, index) => ((index * 7) % 11) / 4 - 1),
    shape,
  )
}

const einsum = (equation: string, ...operands: Case['operands']): Case =>
  of('Einsum', operands, {
    attrs: { N: attr.int(operands.length), equation: attr.string(equation) },
  })

const product = (operands: Case['operands'], flags: string): Case =>
  of('BatchMatMulV2', operands, {
    attrs: { adj_x: attr.bool(flags.includes('x')), adj_y: attr.bool(flags.includes('y')) },
  })

/** Einsum and products of matrices. */
export const sumCases: readonly Case[] = [
  einsum('abc,cde->abde', filled(2, 3, 4), fixed(filled(4, 2, 3))),
  einsum('abc,cde->abde', filled(0, 3, 4), fixed(filled(4, 2, 3))),
  einsum('abc,cde->abde', filled(2, 3, 4), filled(4, 2, 3)),
  einsum('aecd,abcd->acbe', filled(2, 3, 2, 4), filled(2, 5, 2, 4)),
  einsum('aecd,abcd->acbe', filled(0, 3, 2, 4), filled(0, 5, 2, 4)),
  einsum('acbe,aecd->abcd', filled(2, 2, 5, 3), filled(2, 3, 2, 4)),
  einsum('abcd,cde->abe', filled(2, 5, 2, 4), fixed(filled(2, 4, 3))),
  einsum('abcd,cde->abe', filled(2, 5, 2, 4), filled(2, 4, 3)),
  einsum('abcd,cde->abe', filled(0, 5, 2, 4), fixed(filled(2, 4, 3))),
  einsum('ab,bc->ac', filled(2, 3), filled(3, 4)),
  einsum('ab,cb->ca', filled(2, 3), fixed(filled(4, 3))),
  einsum('bi,bj->bij', filled(2, 3), filled(2, 4)),
  einsum('i,j->ij', filled(3), filled(4)),
  einsum('i,i->', filled(3), filled(3)),
  einsum('i,i->i', filled(3), filled(3)),
  einsum('bij,bjk->k', filled(2, 3, 4), filled(2, 4, 2)),
  einsum('bij,bjk->', filled(2, 3, 4), filled(2, 4, 2)),
  einsum('bij,j->bi', filled(2, 3, 4), fixed(filled(4))),
  einsum('j,bij->ib', filled(4), filled(2, 3, 4)),
  einsum('bij->b', filled(2, 3, 4)),
  einsum('bij->', filled(2, 3, 4)),
  einsum('bij->jib', filled(2, 3, 4)),
  einsum('bij->bij', filled(2, 3, 4)),
  einsum('bii->bi', filled(2, 3, 3)),
  einsum('bii->b', filled(2, 3, 3)),
  einsum('...ij,jk->...ik', filled(2, 3, 4), fixed(filled(4, 2))),
  einsum('...ij,...jk->...ik', filled(2, 1, 3, 4), filled(5, 4, 2)),
  einsum('...ji,...kj->...ik', filled(2, 1, 4, 3), filled(5, 2, 4)),
  einsum('...ij->...ji', filled(2, 3, 4)),
  einsum('...i->...', filled(2, 3, 4)),
  einsum('abC,Cd->abd', filled(2, 3, 4), filled(4, 2)),
  of('Einsum', [double([1, 2, 3, 4], [2, 2]), fixed(double([0.1, 0.2], [2, 1]))], {
    T: attr.type('DT_DOUBLE'),
    type: 'DT_DOUBLE',
    attrs: { N: attr.int(2), equation: attr.string('ab,bc->ac') },
  }),
  of('Einsum', [int32([1, 2, 3, 4], [2, 2]), int32([5, 6], [2, 1])], {
    T: INT32,
    type: 'DT_INT32',
    attrs: { N: attr.int(2), equation: attr.string('ab,bc->ac') },
  }),
  of('Einsum', [int64([1, 2, 3, 4], [2, 2]), int64([5, 2n ** 40n], [2])], {
    T: INT64,
    type: 'DT_INT64',
    attrs: { N: attr.int(2), equation: attr.string('ab,b->a') },
  }),
  product([filled(2, 3, 4), filled(2, 4, 2)], ''),
  product([filled(2, 4, 3), filled(2, 4, 2)], 'x'),
  product([filled(2, 3, 4), filled(2, 2, 4)], 'y'),
  product([filled(2, 4, 3), filled(1, 2, 4)], 'xy'),
  product([filled(2, 3, 4), fixed(filled(2, 4))], 'y'),
  product([fixed(filled(4, 3)), filled(5, 4, 2)], 'x'),
  product([filled(0, 4, 3), filled(0, 2, 4)], 'xy'),
  product([filled(4, 3), filled(2, 4)], 'xy'),
]
