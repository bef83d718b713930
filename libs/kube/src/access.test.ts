import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { byKubeconfig, inCluster } from './access.ts'

async function makePod() {
  const folder = await mkdtemp(join(tmpdir(), 'drover-kube-'))
  const write = async (name: string, text: string) => await writeFile(join(folder, name), text)
  await write('token', 'one\n')
  await write('ca.crt', 'a certificate')
  await write('namespace', 'drover')
  const access = inCluster({ host: '::1', port: '443', folder })
  return { access, write, [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true }) }
}

test('a pod finds its API server, its namespace and its token', async () => {
  await using pod = await makePod()

  expect((await pod.access.pass()).server.href).toBe('https://[::1]/')
  expect(await pod.access.namespace()).toBe('drover')
  expect((await pod.access.pass()).headers).toEqual({ Authorization: 'Bearer one' })
})

test('another token is sent over the same connection', async () => {
  await using pod = await makePod()
  const before = await pod.access.pass()

  await pod.write('token', 'two')

  const after = await pod.access.pass()
  expect(after.headers).toEqual({ Authorization: 'Bearer two' })
  expect(after.agent).toBe(before.agent)
})

test('another certificate of the cluster makes other connections', async () => {
  await using pod = await makePod()
  const before = await pod.access.pass()

  await pod.write('ca.crt', 'another certificate')

  expect((await pod.access.pass()).agent).not.toBe(before.agent)
})

test('a kubeconfig is read again when it has changed', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'drover-kube-')), 'config')
  const write = async (token: string) =>
    await writeFile(
      path,
      JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: 'https://there:6443' } }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
        'current-context': 'x',
      }),
    )
  await write('one')
  const access = byKubeconfig(path)
  const before = await access.pass()

  await write('a longer one')

  expect(before.headers).toEqual({ Authorization: 'Bearer one' })
  access.renew()
  expect((await access.pass()).headers).toEqual({ Authorization: 'Bearer a longer one' })
  expect((await access.pass()).server.href).toBe('https://there:6443/')
})

test('a plugin for credentials that fails is UNAVAILABLE, and its words are not repeated', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'drover-kube-')), 'config')
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: 'sh',
    args: ['-c', 'echo secret-word >&2; exit 1'],
  }
  await writeFile(
    path,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'https://there:6443' } }],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )

  const error: unknown = await byKubeconfig(path)
    .pass()
    .catch((reason: unknown) => reason)

  expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  expect(inspect(error, { depth: 9 })).not.toContain('secret-word')
})

test('files that are missing are UNAVAILABLE', async () => {
  const access = inCluster({ host: 'x', port: '443', folder: '/nowhere' })

  await expect(access.pass()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
