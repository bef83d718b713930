import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { expect, test } from 'vitest'
import { publish, setChannel } from '../test-support/published.ts'
import { startServer, startStore, untilReady } from '../test-support/server.ts'

const INVALID_ARGUMENT = '3'

/** The status of a GetModelStatus that names no model. */
async function statusOverGrpc(address: string): Promise<unknown> {
  const session = connect(`http://${address}`)
  const call = session.request({
    ':method': 'POST',
    ':path': '/tensorflow.serving.ModelService/GetModelStatus',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  // A message of no bytes, in gRPC's frame.
  call.end(Buffer.alloc(5))
  const [headers] = await once(call, 'response')
  call.resume()
  session.close()
  return headers['grpc-status']
}

test('its model server answers by several threads and over gRPC where it is told to', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  await setChannel(store, { sha: await publish(store, { 'acme.late': [1, 10] }), seq: 3 })
  await using server = await startServer(store, folder.cache, { workers: 2, grpcPort: 0 })
  await untilReady(server)

  const commandLine = await readFile(`/proc/${server.pid()}/cmdline`, 'utf8')

  expect(commandLine.split('\0')).toContain('--listen_fds=rest:4,5;grpc:6,7')
  expect(await server.predict('acme.late', 1)).toBe(11)
  expect(await statusOverGrpc(server.grpcAddress ?? '')).toBe(INVALID_ARGUMENT)
})

test('it answers no gRPC unless it is told to', async () => {
  await using opened = await startStore()
  await using server = await startServer(opened.store, opened.folder.cache)

  expect(server.grpcAddress).toBeUndefined()
})
