import { strict as assert } from 'node:assert'
import { partsOf, sizeOf, type Tensor } from '@drover/serving-api'
import { encodeText } from '../bytes-as-text.ts'
import { writeEntry, writeHeader } from './entry.ts'
import { compareBytes } from './table.ts'
import { writeTable } from './table-write.ts'
import { storedBytes } from './tensor-data.ts'

/** A checkpoint of one shard, as files. */
export interface BundleFiles {
  /** `variables.index` */
  index: Uint8Array<ArrayBuffer>
  /** `variables.data-00000-of-00001` */
  data: Uint8Array<ArrayBuffer>
}

/**
 * Writes a checkpoint of these tensors by key, which TensorFlow reads. An empty key, or a tensor whose
 * values do not fill its shape, is a mistake of the caller.
 */
export function writeBundle(tensors: ReadonlyMap<string, Tensor>): BundleFiles {
  const sorted = Array.from(tensors, ([name, tensor]) => ({ key: encodeText(name), name, tensor }))
  sorted.sort((a, b) => compareBytes(a.key, b.key))
  const parts: Uint8Array[] = []
  let length = 0
  const entries = sorted.map(({ key, name, tensor }) => {
    check(name, tensor)
    const { dtype, shape } = tensor
    const { parts: own, crc32c } = storedBytes(tensor)
    const [offset, size] = [length, own.reduce((sum, part) => sum + part.length, 0)]
    length += size
    for (const part of own) parts.push(part)
    return { key, value: writeEntry({ dtype, shape, shardId: 0, offset, size, crc32c }) }
  })
  const header = { key: new Uint8Array(), value: writeHeader({ numShards: 1 }) }
  return { index: writeTable([header, ...entries]), data: joined(parts, length) }
}

function check(name: string, tensor: Tensor): void {
  assert(name !== '', 'a variable of a checkpoint has no name')
  const count = sizeOf(tensor.shape) * partsOf(tensor.dtype)
  assert(tensor.values.length === count, `the values of ${name} do not fill its shape`)
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
