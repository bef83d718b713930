// The images of a whole Drover, brought into a cluster that may reach no registry.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { build, docker, run, whyNoDocker } from '../docker/engine.ts'
import { findS3 } from '../docker/s3-image.ts'
import { findRedis } from '../docker/stack.ts'
import { hasCluster, kubectl } from './cluster.ts'

/** Training and the gate need TensorFlow; the sample's models run on servers without it. */
const APPS = [
  ['trainer-scheduler', true],
  ['config-publisher', true],
  ['tf-server', false],
  ['restarter', false],
  ['drover', false],
] as const
const TAG_LENGTH = 12

/** An entry of kustomize's list of images. */
export interface ImageChoice {
  name: string
  newName?: string
  newTag: string
}

/**
 * Why no whole Drover can be started in the cluster; undefined when it can. DROVER_IMAGES: the tag of
 * Drover's images where the cluster has or finds them; else they are built by Docker, and brought
 * there by the command of DROVER_CLUSTER_IMPORT, to which the path of a tarball is added.
 */
export async function whyNoLoop(): Promise<string | undefined> {
  const { DROVER_IMAGES, DROVER_CLUSTER_IMPORT } = process.env
  if (!hasCluster()) return 'there is no cluster'
  if (DROVER_IMAGES !== undefined) return undefined
  if (DROVER_CLUSTER_IMPORT === undefined) return 'neither DROVER_IMAGES nor DROVER_CLUSTER_IMPORT'
  return await whyNoDocker()
}

/** Makes sure that the cluster has all images, and says which to take. */
export async function bringImages(): Promise<ImageChoice[]> {
  const { DROVER_IMAGES: tag } = process.env
  if (tag !== undefined) return APPS.map(([app]) => ({ name: `drover/${app}`, newTag: tag }))
  const choices: ImageChoice[] = []
  for (const [app, tensorflow] of APPS) {
    const built = await build(app, { tensorflow, tag: `building-${process.pid}` })
    choices.push({ ...(await named(built, `drover/${app}`)), name: `drover/${app}` })
    await docker('rmi', built)
  }
  choices.push({ ...(await named(await findRedis(), 'drover/redis')), name: 'redis' })
  choices.push({ ...(await named(await findS3(), 'drover/s3')), name: 'versity/versitygw' })
  await bringIn(choices.map(({ newName, newTag }) => `${newName}:${newTag}`))
  return choices
}

/** Names an image after what is in it, so that no pod gets another one than it was meant to. */
async function named(image: string, newName: string) {
  const id = await docker('image', 'inspect', '--format', '{{.Id}}', image)
  const newTag = id.replace('sha256:', '').slice(0, TAG_LENGTH)
  await docker('tag', image, `${newName}:${newTag}`)
  return { newName, newTag }
}

const Nodes = z.object({
  items: z.array(
    z.object({
      status: z.object({ images: z.array(z.object({ names: z.string().array().nullable() })) }),
    }),
  ),
})

/** Which of the images some node does not have, as far as the nodes say. */
function missing(names: readonly string[]): string[] {
  const { items } = Nodes.parse(JSON.parse(kubectl(['get', 'nodes', '-o', 'json'])))
  const known = items.map(({ status }) => status.images.flatMap((image) => image.names ?? []))
  return names.filter((name) => !known.every((all) => all.includes(`docker.io/${name}`)))
}

async function bringIn(names: readonly string[]): Promise<void> {
  const wanted = missing(names)
  if (wanted.length === 0) return
  const folder = await mkdtemp(join(tmpdir(), 'drover-images-'))
  const tarball = join(folder, 'images.tar')
  try {
    await docker('save', '--output', tarball, ...wanted)
    const [program = '', ...args] = (process.env.DROVER_CLUSTER_IMPORT ?? '').split(' ')
    await run(program, [...args, tarball])
  } finally {
    await rm(folder, { recursive: true })
  }
}
