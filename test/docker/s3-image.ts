// The image of an S3 store, also on machines that reach no registry of images.

import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker, hasImage, run } from './engine.ts'

const S3_IMAGE = 'versity/versitygw:v1.8.0'
const OWN_S3_IMAGE = 'drover/s3:test'
/** With the program that the other tests use. */
const S3_DOCKERFILE = `FROM node:24-slim
COPY versitygw /usr/local/bin/
ENTRYPOINT ["versitygw"]`
const OWN_S3_IMAGE_WITH_WGET = 'drover/s3-with-wget:test'

/** An image of versitygw. */
export async function findS3(): Promise<string> {
  if (await hasImage(S3_IMAGE)) return S3_IMAGE
  await run(process.execPath, ['scripts/start-s3.mjs', '--fetch'])
  const { VERSITYGW, XDG_CACHE_HOME } = process.env
  const caches = join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'drover-s3')
  const folder = await mkdtemp(join(tmpdir(), 'drover-s3-'))
  try {
    await copyFile(VERSITYGW ?? join(caches, 'versitygw-v1.8.0'), join(folder, 'versitygw'))
    await writeFile(join(folder, 'Dockerfile'), S3_DOCKERFILE)
    await docker('build', '--quiet', '--tag', OWN_S3_IMAGE, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
  return OWN_S3_IMAGE
}

/** The same with `wget`, by which Compose asks for its health: the official one has it. */
export async function findS3WithWget(): Promise<string> {
  const image = await findS3()
  const wget = ['run', '--rm', '--entrypoint', 'wget', image, '--help']
  const hasWget = await docker(...wget).then(
    () => true,
    () => false,
  )
  if (hasWget) return image
  const install = 'apt-get update -qq && apt-get install -y -qq --no-install-recommends wget'
  await run('docker', ['build', '--quiet', '--tag', OWN_S3_IMAGE_WITH_WGET, '-'], {
    input: `FROM ${image}\nUSER root\nRUN ${install}`,
  })
  return OWN_S3_IMAGE_WITH_WGET
}
