// Files as they may be read of a model: regular ones. Whoever opens a pipe waits until somebody writes
// into it, and holds one of the few threads for files as long.

import { close, constants, fstat, open, read, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { allDone } from '@drover/basics'

// By numbers: a `FileHandle` stays in memory until all garbage is collected.
const files = {
  open: promisify(open),
  fstat: promisify<number, Stats>(fstat),
  read: promisify(read),
  close: promisify(close),
}

/** Why a file is not read; `code` is in the words of the system. */
export class IrregularFileError extends Error {
  override readonly name = 'IrregularFileError'
  readonly code: 'EISDIR' | 'EINVAL' | 'EFBIG' | 'ESTALE'

  constructor(code: IrregularFileError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * All bytes of a file. Throws `IrregularFileError` for what is no regular file or has more than
 * `bytesMax` bytes, and what the system says for others. Of a file that was seen to have `sizeSeen`
 * bytes, these are read while it is looked at again.
 */
export async function readRegularFile(
  path: string,
  bytesMax: number,
  sizeSeen = 0,
): Promise<Uint8Array<ArrayBuffer>> {
  // Without O_NONBLOCK the open itself, or a read, would wait at a pipe; regular files know no difference.
  const file = await files.open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const early = new Uint8Array(sizeSeen > bytesMax ? 0 : sizeSeen)
    const [{ size }, lengthRead] = await allDone([
      sized(path, file, bytesMax),
      early.length === 0 ? 0 : readEarly(file, early),
    ])
    const isAsSeen = size === early.length
    const bytes = isAsSeen ? early : new Uint8Array(size)
    let length = isAsSeen ? lengthRead : 0
    while (length < size) {
      const { bytesRead } = await files.read(file, bytes, length, size - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    // What is left may be whole by its looks.
    if (length < size)
      throw new IrregularFileError('ESTALE', `${path} became shorter while it was read`)
    return bytes
  } finally {
    // What was read is there whatever comes of it, and the way to another thread takes as long as a read.
    files.close(file).catch(() => {})
  }
}

async function sized(path: string, file: number, bytesMax: number): Promise<Stats> {
  const found = await files.fstat(file)
  if (found.isDirectory()) throw new IrregularFileError('EISDIR', `${path} is a directory`)
  if (!found.isFile()) throw new IrregularFileError('EINVAL', `${path} is no regular file`)
  const { size } = found
  if (size > bytesMax)
    throw new IrregularFileError('EFBIG', `${path} has ${size} bytes; ${bytesMax} are allowed`)
  return found
}

/** How many bytes were read; none where that failed, which whoever reads on meets again. */
const readEarly = async (file: number, to: Uint8Array): Promise<number> =>
  await files.read(file, to, 0, to.length, 0).then(
    ({ bytesRead }) => bytesRead,
    () => 0,
  )
