// What an engine runs inside a container to ask whether the app can do its work. It needs nothing but
// Node, since the images have no curl.
//
// Exit 0: it answers, and not with 5xx. Exit 1: not ready, or no answer; the line it writes says why.
//
// DROVER_HEALTH_URL: what to ask. Unless told, what the image was built for, in the file `health-url`
//   beside this one: `/readyz` of the app, any answer of a model server that stands alone, and
//   nothing for the command line, which is always well.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const WAIT_MS_MAX = 4_000

// oxlint-disable-next-line node/no-process-env -- runs beside the app and shares none of its code
const told = process.env.DROVER_HEALTH_URL
const url = told ?? readFileSync(join(import.meta.dirname, 'health-url'), 'utf8').trim()

if (url !== '') {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(WAIT_MS_MAX) })
    console.log(`${answer.status} ${await answer.text()}`)
    process.exitCode = answer.status < 500 ? 0 : 1
  } catch (error) {
    console.log(`${url}: ${error.cause?.message ?? error.message}`)
    process.exitCode = 1
  }
}
