import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { z } from 'zod'
import { echo, halfPlus, writeVersion } from './saved-models.ts'
import { startServer } from './server.ts'

/** A model name with every character that a path gives a meaning to. */
export const ODD_NAME = "odd name!#$%&'()*+,/:;=?@[]ä"

export interface Answer {
  status: number
  type: string | undefined
  text: string
}

type Headers = Readonly<Record<string, string>>

/** A server on a port of its own, with models that are good, odd, broken and missing. */
export interface RestServer extends AsyncDisposable {
  url: string
  socketPath: string
  /** Sends a request line as it is: fetch would tidy up the path. */
  send: (method: string, path: string, body?: string, headers?: Headers) => Promise<Answer>
}

/** Starts it; `flags` are added to its own. */
export async function startRest(flags: readonly string[] = []): Promise<RestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-rest-'))
  await writeVersion(join(folder, 'half'), '00000123', halfPlus(2))
  await writeVersion(join(folder, 'half'), '00000124', halfPlus(3))
  await writeVersion(
    join(folder, 'echo'),
    1,
    echo({ f: 'DT_FLOAT', l: 'DT_INT64', s_bytes: 'DT_STRING', t: 'DT_STRING' }),
  )
  await writeVersion(join(folder, 'broken'), 1, Buffer.from('nothing of this kind'))
  const socketPath = join(folder, 'admin')
  const configPath = join(folder, 'models.config')
  await writeFile(configPath, configOf(folder))
  const server = await startServer(
    [
      '--rest_api_host=127.0.0.1',
      `--rest_api_port=${await freePort()}`,
      `--model_config_file=${configPath}`,
      ...flags,
    ],
    { socketPath },
  )
  return {
    url: server.url,
    socketPath,
    send: async (method, path, body, headers = {}) =>
      await send(server.url, { method, path, body, headers }),
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await rm(folder, { recursive: true })
    },
  }
}

const configOf = (folder: string): string => `
model_config_list {
  config {
    name: 'h2' base_path: '${folder}/half' model_platform: 'tensorflow'
    model_version_policy { specific { versions: 123 } }
    version_labels { key: 'Version_Label' value: 123 }
  }
  config { name: 'both' base_path: '${folder}/half' model_platform: 'tensorflow'
    model_version_policy { all {} } }
  config { name: "${ODD_NAME}" base_path: '${folder}/half' model_platform: 'tensorflow' }
  config { name: 'echo' base_path: '${folder}/echo' model_platform: 'tensorflow' }
  config { name: 'broken' base_path: '${folder}/broken' model_platform: 'tensorflow' }
  config { name: 'missing' base_path: '${folder}/missing' model_platform: 'tensorflow' }
}`

const Address = z.object({ port: z.number() })

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = Address.parse(server.address())
  server.close()
  await once(server, 'close')
  return port
}

async function send(
  url: string,
  { body, ...asked }: { method: string; path: string; body: string | undefined; headers: Headers },
): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return await new Promise((resolve, reject) => {
    const sent = request({ host: hostname, port, ...asked }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          text: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.once('error', reject)
    sent.end(body)
  })
}
