import { hashBucket, nGrams } from '@drover/saved-model'

const REMEMBERED_MAX = 500_000

/** Texts as hashed n-grams: for each row its buckets and their share of a vector of length 1. */
export class TextRows {
  readonly buckets: number
  /** Where each row begins in `bucket` and `value`; one more than rows. */
  readonly starts: number[] = [0]
  #bucket = new Int32Array(1_024)
  #value = new Float32Array(1_024)
  readonly #remembered = new Map<string, number>()

  constructor(buckets: number) {
    this.buckets = buckets
  }

  get rows(): number {
    return this.starts.length - 1
  }

  add(text: string): void {
    const counts = new Map<number, number>()
    for (const gram of nGrams(text)) {
      const bucket = this.#bucketOf(gram)
      counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
    }
    let squares = 0
    for (const count of counts.values()) squares += count * count
    const scale = 1 / Math.sqrt(Math.max(squares, 1e-12))
    let end = this.starts.at(-1) ?? 0
    this.#reserve(end + counts.size)
    for (const [bucket, count] of counts) {
      this.#bucket[end] = bucket
      this.#value[end] = count * scale
      end++
    }
    this.starts.push(end)
  }

  /** The entries of one row, without a copy. */
  entriesOf(row: number): { bucket: Int32Array; value: Float32Array } {
    const [from, to] = [this.starts[row] ?? 0, this.starts[row + 1] ?? 0]
    return { bucket: this.#bucket.subarray(from, to), value: this.#value.subarray(from, to) }
  }

  #bucketOf(gram: string): number {
    const known = this.#remembered.get(gram)
    if (known !== undefined) return known
    const bucket = hashBucket(gram, this.buckets)
    if (this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(gram, bucket)
    return bucket
  }

  #reserve(length: number): void {
    if (length <= this.#bucket.length) return
    const [bucket, value] = [this.#bucket, this.#value]
    this.#bucket = new Int32Array(length * 2)
    this.#value = new Float32Array(length * 2)
    this.#bucket.set(bucket)
    this.#value.set(value)
  }
}
