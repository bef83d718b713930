/** How the bytes of a checkpoint's data files are had. */
export interface Shards {
  /** How many bytes a shard has; undefined where there is no such shard. */
  size(shard: number): number | undefined
  /**
   * Some bytes of a shard, all of them inside it. The tensor that is read keeps this memory where its
   * values can begin there, so give some that nobody else writes to.
   */
  read(shard: number, offset: number, length: number): Uint8Array
}

/** A tensor that is a view of its shard keeps all of it: no more than so many times what it has itself. */
const KEPT_MAX = 3

/**
 * Shards that are in memory whole, and asked for at each read. A tensor gets a copy of its bytes, and one that
 * is a good part of its shard gets these themselves: large memory takes far longer to be had than to be read.
 */
export function shardsInMemory(shard: (number: number) => Uint8Array | undefined): Shards {
  return {
    size: (number) => shard(number)?.length,
    read(number, offset, length) {
      const whole = shard(number) ?? new Uint8Array()
      const part = whole.subarray(offset, offset + length)
      // Not Buffer's own `slice`, which copies nothing.
      return KEPT_MAX * part.length >= whole.length ? part : Uint8Array.prototype.slice.call(part)
    },
  }
}

const DIGITS = 5

/** The name of a data file: `variables.data-00000-of-00001`. */
export function shardFile(prefix: string, shard: number, numShards: number): string {
  const [at, of] = [shard, numShards].map((number) => String(number).padStart(DIGITS, '0'))
  return `${prefix}.data-${at}-of-${of}`
}
