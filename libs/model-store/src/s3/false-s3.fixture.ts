import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface Answer {
  status: number
  code: string
}

interface Behaviour {
  /** Conditions that it does not look at. */
  ignores?: readonly ('if-none-match' | 'if-match')[]
  /** Answers given instead of doing the work, in turn, by method. */
  failures?: (method: string) => Answer | undefined
}

/** An S3 of one level, in memory, for what no real one does: false and faulty behaviour. */
export async function startFalseS3({ ignores = [], failures = () => undefined }: Behaviour) {
  const objects = new Map<string, { body: Buffer; etag: string }>()
  const requests: string[] = []

  function isRefused({ headers }: IncomingMessage, path: string): boolean {
    const present = objects.get(path)
    if (headers['if-none-match'] !== undefined && !ignores.includes('if-none-match')) {
      return present !== undefined
    }
    const etag = headers['if-match']
    return etag !== undefined && !ignores.includes('if-match') && present?.etag !== etag
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const path = url.replace(/\?.*$/, '')
    const body = await buffer(request)
    requests.push(`${method} ${path}`)
    const failure = failures(method)
    if (failure !== undefined) return refuse(response, failure)
    if (url.includes('list-type=2')) return void response.end('<ListBucketResult/>')
    if (method === 'DELETE') {
      objects.delete(path)
      return void response.writeHead(204).end()
    }
    if (method === 'PUT') {
      if (isRefused(request, path)) {
        return refuse(response, { status: 412, code: 'PreconditionFailed' })
      }
      const etag = `"${createHash('md5').update(body).digest('hex')}"`
      objects.set(path, { body, etag })
      return void response.writeHead(200, { etag }).end()
    }
    const present = objects.get(path)
    if (present === undefined) return refuse(response, { status: 404, code: 'NoSuchKey' })
    const headers = { etag: present.etag, 'content-length': present.body.length }
    response.writeHead(200, headers).end(method === 'HEAD' ? undefined : present.body)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** As Amazon's: a refused signature is answered with the key's id and all that was signed. */
function refuse(response: ServerResponse, { status, code }: Answer): void {
  const details = `<AWSAccessKeyId>the-id</AWSAccessKeyId><StringToSign>the-string</StringToSign>`
  const body = `<Error><Code>${code}</Code><Message>the-id sent it</Message>${details}</Error>`
  response.writeHead(status, { 'content-type': 'application/xml' }).end(body)
}
