import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { ImageChoice } from './loop-images.ts'

/** A patch as kustomize takes it. */
export interface Patch {
  target: { kind: string; name?: string }
  patch: string
}

interface OverlayOptions {
  /** The folder of the overlay that it is made of. */
  of: string
  namespace: string
  images?: readonly ImageChoice[]
  patches?: readonly Patch[]
}

/**
 * Writes an overlay of an overlay, for a namespace of its own. What belongs to the whole cluster gets
 * a name of its own as well, so that a Drover that runs there keeps its own.
 */
export async function writeOverlay(folder: string, options: OverlayOptions): Promise<void> {
  const { of, namespace, images = [], patches = [] } = options
  const policy = `drover-restarter-${namespace}`
  const renaming = (kind: string, ...paths: string[]): Patch => ({
    target: { kind },
    patch: JSON.stringify(paths.map((path) => ({ op: 'replace', path, value: policy }))),
  })
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: [relative(folder, of)],
    images,
    patches: [
      renaming('ValidatingAdmissionPolicy', '/metadata/name'),
      renaming('ValidatingAdmissionPolicyBinding', '/metadata/name', '/spec/policyName'),
      ...patches,
    ],
  }
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization, undefined, 2))
}
