// What is in the directory of a version: enough to tell whether it changes, and whether it is whole.

import { createHash } from 'node:crypto'
import { constants, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { IrregularFileError, readRegularFile } from '@drover/inference'
import { z } from 'zod'
import { AbortedManifest, CommittedManifest, isCommitted } from '@drover/model-config'
import type { ControlLimits } from './limits.ts'

const MANIFEST_PATH = 'MANIFEST.json'
const READ_BYTES = 256 * 1024

type Limits = Pick<ControlLimits, 'filesPerVersionMax' | 'foldersDeepMax' | 'manifestBytesMax'>

/** A directory as it is now. */
export interface Look {
  /** Changes with every name, size and time of modification. */
  fingerprint: string
  sizeBytes: number
  files: number
  /** When something in it was written last, since 1970, by the clock of its file system. */
  newestMs: number
  hasManifest: boolean
}

/** Looks at all that is in a directory. Throws when it is not there. */
export async function lookAt(directory: string, limits: Limits): Promise<Look> {
  const look: Look = { fingerprint: '', sizeBytes: 0, files: 0, newestMs: 0, hasManifest: false }
  const lines: string[] = []
  const visit = async (below: string, depth: number): Promise<void> => {
    const entries = await readdir(join(directory, below), { withFileTypes: true })
    for (const entry of entries) {
      if (lines.length >= limits.filesPerVersionMax) return
      const path = join(below, entry.name)
      const found = await stat(join(directory, path), { bigint: true })
      if (found.isDirectory()) {
        lines.push(`${path}/`)
        look.newestMs = Math.max(look.newestMs, Number(found.mtimeMs))
        if (depth < limits.foldersDeepMax) await visit(path, depth + 1)
        continue
      }
      lines.push(`${path} ${found.size} ${found.mtimeNs}`)
      look.files++
      look.sizeBytes += Number(found.size)
      // A copy may keep the time of modification of what it copies, but not the time of the change.
      look.newestMs = Math.max(look.newestMs, Number(found.mtimeMs), Number(found.ctimeMs))
      if (path === MANIFEST_PATH) look.hasManifest = true
    }
  }
  await visit('', 0)
  look.newestMs = Math.max(look.newestMs, (await stat(directory)).mtimeMs)
  look.fingerprint = createHash('sha256').update(lines.toSorted().join('\n')).digest('hex')
  return look
}

/** Bytes of all files in a directory. Throws when it is not there. */
export const sizeOfFiles = async (directory: string, limits: Limits): Promise<number> =>
  (await lookAt(directory, limits)).sizeBytes

/** What a manifest says of a directory. */
export type Verdict =
  /** All that it lists is there, with these bytes; `digest` names them. */
  | { kind: 'whole'; digest: string }
  | { kind: 'incomplete'; why: string }
  /** It is meant to be ours and is not: nothing can be checked by it, and nothing is loaded. */
  | { kind: 'invalid'; why: string }
  /** The version was given up: it does not exist. */
  | { kind: 'aborted' }
  /** It is a file of that name with another meaning. */
  | { kind: 'foreign' }

const Ours = z.looseObject({ format: z.int(), run: z.string() })

/** Compares a directory with its manifest: sizes first, then every byte, a slice at a time. */
export async function verify(directory: string, limits: Limits): Promise<Verdict> {
  const text = await readManifest(directory, limits)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // It is being written, or will never be whole; either way it is not yet.
    return { kind: 'incomplete', why: `${MANIFEST_PATH} is not JSON` }
  }
  const ours = Ours.safeParse(json)
  if (!ours.success) return { kind: 'foreign' }
  const manifest = ('aborted' in ours.data ? AbortedManifest : CommittedManifest).safeParse(json)
  if (!manifest.success) {
    const [issue] = manifest.error.issues
    const why = `${issue?.path.join('.')}: ${issue?.message}`
    return { kind: 'invalid', why: `${MANIFEST_PATH} cannot be read: ${why}` }
  }
  if (!isCommitted(manifest.data)) return { kind: 'aborted' }
  return await verifyFiles(directory, manifest.data)
}

async function verifyFiles(
  directory: string,
  { files, digest }: CommittedManifest,
): Promise<Verdict> {
  for (const { path, sizeBytes } of files) {
    const found = await stat(join(directory, path)).catch(() => undefined)
    // Only of files: to open a pipe would hold one of the few threads for files for ever.
    if (!found?.isFile() || found.size !== sizeBytes)
      return { kind: 'incomplete', why: `${path} is not whole` }
  }
  for (const { path, sha256 } of files)
    if ((await digestOfFile(join(directory, path))) !== sha256)
      return { kind: 'incomplete', why: `${path} is not what ${MANIFEST_PATH} says` }
  return { kind: 'whole', digest }
}

async function readManifest(directory: string, { manifestBytesMax }: Limits): Promise<string> {
  try {
    const bytes = await readRegularFile(join(directory, MANIFEST_PATH), manifestBytesMax)
    return new TextDecoder().decode(bytes)
  } catch (error) {
    // What is no file or too long to be a manifest is none.
    if (error instanceof IrregularFileError) return '{}'
    throw error
  }
}

/** The sha256 of a file in hexadecimal; between any two slices everything else goes on. */
async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  // What became a pipe since it was looked at is not waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, READ_BYTES)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
