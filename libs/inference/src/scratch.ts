// A folder for what TensorFlow is to read and no model has. The process that makes it may be killed
// at any moment, so its name is given to it, and whoever started it takes away what is left.

import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ARGUMENT = '--scratch='

/** A name that nobody has. */
export const newScratch = (): string => join(tmpdir(), `drover-tensorflow-${randomUUID()}`)

/** How a process is told of its own. */
export const scratchArgument = (folder: string): string => `${ARGUMENT}${folder}`

/** That of this process. */
export function ownScratch(): string {
  const told = process.argv.find((argument) => argument.startsWith(ARGUMENT))
  return told?.slice(ARGUMENT.length) ?? newScratch()
}
