// The heads of plain requests: a GET, or a POST that says its length, over HTTP/1.1, with nothing in
// it that two readers could take in two ways. Whatever else comes is left to the parser of node:http.

const BLANK_LINE = Buffer.from('\r\n\r\n')
const HEAD_BYTES_MAX = 4 * 1024

const REQUEST_LINE = /^(GET|POST) (\/[!-~]*) HTTP\/1\.1$/
/** A name right before its colon, and a value of what can be seen: no control, nothing above ASCII. */
const FIELD = /^([!#$%&'*+.^_`|~\w-]+):([\t -~]*)$/
const LENGTH = /^(?:0|[1-9]\d{0,8})$/

/** What changes how a body is framed or coded, or what becomes of the connection. */
const UNUSUAL = new Set([
  'content-encoding',
  'expect',
  'http2-settings',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What is looked at; each may come once. */
const OURS = new Set(['connection', 'content-length', 'host', 'origin'])
const CONNECTION = /^(?:close|keep-alive)$/i

/** A head that was read whole. */
export interface Head {
  method: 'GET' | 'POST'
  /** As it came, one byte a character; begins with a slash. */
  target: string
  /** From the first byte to the end of the blank line. */
  sizeBytes: number
  bodyBytes: number
  /** Whether the client will ask nothing more on this connection. */
  isLast: boolean
  host: string | undefined
  origin: string | undefined
}

/** Reads the head that these bytes begin with; undefined for one that is not all there, or not plain. */
export function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf(BLANK_LINE)
  if (end < 0 || end > HEAD_BYTES_MAX) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const [, method, target = ''] = REQUEST_LINE.exec(first) ?? []
  if (method !== 'GET' && method !== 'POST') return undefined
  const rest = readFields(lines)
  if (rest === undefined || (method === 'GET' && rest.bodyBytes > 0)) return undefined
  return { method, target, sizeBytes: end + BLANK_LINE.length, ...rest }
}

/** What the fields say; undefined where one of them is not plain. */
function readFields(
  lines: readonly string[],
): Omit<Head, 'method' | 'target' | 'sizeBytes'> | undefined {
  const fields = fieldsOf(lines)
  const length = fields?.get('content-length') ?? '0'
  const connection = fields?.get('connection') ?? 'keep-alive'
  if (fields === undefined || !LENGTH.test(length) || !CONNECTION.test(connection)) return undefined
  const isLast = connection.toLowerCase() === 'close'
  return {
    bodyBytes: Number(length),
    isLast,
    host: fields.get('host'),
    origin: fields.get('origin'),
  }
}

/** The few that matter, by name in small letters; undefined where one is unusual or comes twice. */
function fieldsOf(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>()
  for (const line of lines) {
    const [, name, value = ''] = FIELD.exec(line) ?? []
    if (name === undefined) return undefined
    const key = name.toLowerCase()
    if (UNUSUAL.has(key) || fields.has(key)) return undefined
    if (OURS.has(key)) fields.set(key, value.trim())
  }
  return fields
}
