// What takes time and what ends: rolls, and the API server itself.

import { rolloutStatus } from '@drover/kube'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ACCOUNT,
  asAdmin,
  asPod,
  CONFIG,
  deploymentOf,
  NAME,
  PAUSE,
  startWatch,
} from './clients.ts'
import { applyBase, isOurs, kubectl, removeBase, restartApiServer, until } from './cluster.ts'

describe.skipIf(!isOurs())('on an API server of our own', () => {
  beforeAll(applyBase, 180_000)
  afterAll(removeBase, 180_000)

  test('a roll is followed to its end, and replaces every pod', async () => {
    await using kube = await asAdmin()
    const name = 'rolled'
    const deployment = deploymentOf(name, { image: PAUSE, imagePullPolicy: 'Never' })
    const spec = { ...deployment.spec, replicas: 2 }
    kubectl(['apply', '-f', '-'], JSON.stringify({ ...deployment, spec }))
    const stateOf = async () => rolloutStatus(await kube.readDeployment(name)).state
    const podsOf = async () =>
      (await kube.listPods(await kube.readDeployment(name))).filter(({ isEnding }) => !isEnding)
    await until('it runs', async () => (await stateOf()) === 'done')
    const before = await podsOf()

    const moved = await kube.annotate(name, { config: CONFIG })
    const state = rolloutStatus(moved).state
    await until('it runs again', async () => (await stateOf()) === 'done')

    const after = await podsOf()
    const old = new Set(before.map(({ uid }) => uid))
    expect(state).toBe('moving')
    expect(after.map(({ isReady }) => isReady)).toEqual([true, true])
    expect(after.filter(({ uid }) => old.has(uid))).toEqual([])
    expect(new Set(after.map(({ annotations }) => annotations['drover.dev/config']))).toEqual(
      new Set([CONFIG]),
    )
  }, 120_000)

  test('a watch outlives its API server', async () => {
    await using kube = await asPod(ACCOUNT)
    await using watch = startWatch(kube)
    await until('the watch has begun', () => watch.heard.length > 0)

    await restartApiServer()
    const { resourceVersion } = await kube.touch(NAME, 'after the restart')

    await until('the change is heard of', () =>
      watch.heard.some((deployment) => deployment?.resourceVersion === resourceVersion),
    )
    expect(watch.troubles).not.toContain('INVALID')
  }, 180_000)

  test('a watch from a version that is too old reads anew', async () => {
    await using kube = await asPod(ACCOUNT)
    // An API server that has just started knows nothing of what was before.
    await restartApiServer()
    await kube.touch(NAME, 'once more')

    await using watch = startWatch(kube, '1')

    await until('the Deployment is heard of', () => watch.heard.length > 0)
    expect(watch.heard[0]).toMatchObject(await kube.readDeployment(NAME))
    expect(watch.troubles).toEqual([])
  }, 180_000)
})
