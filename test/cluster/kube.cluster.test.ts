// Drover's client of Kubernetes against a real API server.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ACCOUNT,
  asAdmin,
  asPod,
  CONFIG,
  deploymentOf,
  NAME,
  startRelay,
  startWatch,
} from './clients.ts'
import {
  applyBase,
  hasCluster,
  kubectl,
  NAMESPACE,
  podFolder,
  removeBase,
  tokenOf,
  until,
} from './cluster.ts'

describe.skipIf(!hasCluster())('on a real API server', () => {
  beforeAll(applyBase, 180_000)
  afterAll(removeBase, 180_000)

  test('a hundred reads and a watch take two connections', async () => {
    await using relay = await startRelay()
    await using kube = await asPod(ACCOUNT, podFolder(ACCOUNT), relay.port)
    await using watch = startWatch(kube)
    await until('the watch has begun', () => watch.heard.length > 0)

    for (let count = 0; count < 100; count++) await kube.readDeployment(NAME)

    expect(relay.connections()).toBeLessThanOrEqual(2)
  })

  test('the restarter sets, repeats and takes away the pair, and the template is as before', async () => {
    await using kube = await asPod(ACCOUNT)
    const before = await kube.readDeployment(NAME)

    const set = await kube.annotate(NAME, { config: CONFIG, restart: '1' })
    const again = await kube.annotate(NAME, { config: CONFIG, restart: '1' })
    const back = await kube.annotate(NAME, {})

    expect(set).toMatchObject({ config: CONFIG, restart: '1', configManager: 'drover-restarter' })
    expect(set.generation).toBe(before.generation + 1)
    expect(again.generation).toBe(set.generation)
    expect(back).toMatchObject({ config: undefined, restart: undefined })
    expect(new Set([before, set, back].map(({ templateSha }) => templateSha)).size).toBe(1)
  })

  test('after a touch an older patch conflicts, and nothing is rolled', async () => {
    await using kube = await asPod(ACCOUNT)
    const read = await kube.readDeployment(NAME)
    const { resourceVersion } = read
    const sets = await kube.listReplicaSets(read)

    const touched = await kube.touch(NAME, 'fence-2')
    const late = kube.annotate(NAME, { config: CONFIG }, { resourceVersion })

    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' })
    // An annotation raises the generation of a Deployment, and yet makes no ReplicaSet.
    expect(touched.templateSha).toBe(read.templateSha)
    await until('the touch is observed', async () => {
      const { generation, observedGeneration } = await kube.readDeployment(NAME)
      return generation === observedGeneration
    })
    const after = await kube.listReplicaSets(touched)
    expect(after.map(({ revision }) => revision)).toEqual(sets.map(({ revision }) => revision))
  })

  test('what was not granted is FORBIDDEN and what is not there NOT_FOUND', async () => {
    await using server = await asPod('drover-tf-server')
    await using admin = await asAdmin()

    await expect(server.readDeployment(NAME)).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(admin.readDeployment('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a token that was rotated is used from the next call on', async () => {
    const folder = podFolder('drover-tf-server')
    await using kube = await asPod('drover-tf-server', folder)
    await expect(kube.readDeployment(NAME)).rejects.toMatchObject({ code: 'FORBIDDEN' })

    writeFileSync(join(folder, 'token'), tokenOf(ACCOUNT))

    expect((await kube.readDeployment(NAME)).name).toBe(NAME)
  })

  test('a token that the API server does not know is FORBIDDEN', async () => {
    const folder = podFolder(ACCOUNT)
    writeFileSync(join(folder, 'token'), 'a-secret')
    await using kube = await asPod(ACCOUNT, folder)

    const error: unknown = await kube.readDeployment(NAME).catch((reason: unknown) => reason)

    expect(error).toMatchObject({ code: 'FORBIDDEN', status: 401 })
    expect(String(error)).not.toContain('a-secret')
  })

  test('an undo by hand shows who did it', async () => {
    await using kube = await asAdmin()
    await kube.annotate(NAME, { config: CONFIG })
    await kube.annotate(NAME, { config: `2-${'b'.repeat(64)}` })

    await until('kubectl can go back', () => {
      try {
        kubectl(['-n', NAMESPACE, 'rollout', 'undo', `deployment/${NAME}`])
        return true
      } catch {
        return false
      }
    })

    const undone = await kube.readDeployment(NAME)
    expect(undone.configManager).not.toBe('drover-restarter')
    expect(undone.configManager).toMatch(/^kubectl/)
  })

  test('an Event is shown by kubectl, and the same one counted', async () => {
    const options = { type: 'Warning', reason: 'ConfigRejected', message: 'two', key: 'x' } as const
    for (const message of ['one', 'two']) {
      // Each client stands for one life of a restarter: the limit of one life would leave it out.
      await using kube = await asPod(ACCOUNT)
      await kube.writeEvent(await kube.readDeployment(NAME), { ...options, message })
    }

    const shown = kubectl(['-n', NAMESPACE, 'get', 'events', '-o', 'jsonpath={.items[*].message}'])

    expect(shown.split(' ').filter((word) => /^(one|two)$/.test(word))).toEqual(['two'])
  })

  test('a pod that cannot run says why', async () => {
    await using kube = await asAdmin()
    const image = 'drover/none:1'
    const resources = { requests: { cpu: '10000' } }
    const deployments = {
      imageless: deploymentOf('imageless', { image, imagePullPolicy: 'Never' }),
      homeless: deploymentOf('homeless', { image, resources }),
    }
    for (const deployment of Object.values(deployments)) {
      kubectl(['apply', '-f', '-'], JSON.stringify(deployment))
    }
    const reasonOf = async (name: string) => {
      const [pod] = await kube.listPods(await kube.readDeployment(name))
      return pod?.trouble?.reason
    }

    await until(
      'one has no image',
      async () => (await reasonOf('imageless')) === 'ErrImageNeverPull',
    )
    await until('one has no room', async () => (await reasonOf('homeless')) === 'Unschedulable')
    const sets = await kube.listReplicaSets(await kube.readDeployment('homeless'))
    expect(sets).toMatchObject([{ revision: 1, replicas: 1, ready: 0 }])
  })
})
