// What an API server reads in deploy/kubernetes; how the numbers follow from each other is in ../manifests.test.ts.

import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { hasCluster, kubectl } from './cluster.ts'

const BASE = join(import.meta.dirname, '../../deploy/kubernetes/base')
const Manifest = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })

/** The objects of the base: kubectl prints one JSON document after the other. */
function readBase() {
  const text = kubectl([
    'create',
    '--dry-run=client',
    '--validate=strict',
    '-o',
    'json',
    '-k',
    BASE,
  ])
  const json: unknown = JSON.parse(`[${text.replaceAll(/^\}\n\{$/gm, '},{')}]`)
  return z.array(Manifest).parse(json)
}

describe.skipIf(!hasCluster)('the manifests', () => {
  test('name every server of the restarter, ready or not, and keep tokens from servers', () => {
    const byName = new Map(
      readBase().map((object) => [`${object.kind} ${object.metadata.name}`, object]),
    )

    expect(byName.get('Service tf-server-agents')).toMatchObject({
      spec: { clusterIP: 'None', publishNotReadyAddresses: true },
    })
    expect(byName.get('ServiceAccount drover-tf-server')).toMatchObject({
      automountServiceAccountToken: false,
    })
    expect(byName.get('PodDisruptionBudget tf-server')).toMatchObject({
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    })
  })
})
