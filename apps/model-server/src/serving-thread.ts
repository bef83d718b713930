// A worker thread that answers requests; see `serving/thread.ts`. Top level, because workers start
// from the build.

import { strict as assert } from 'node:assert'
import { parentPort, workerData } from 'node:worker_threads'
import { startServing, type ServingThreadData } from './serving/thread.ts'

const data: ServingThreadData = workerData
assert(parentPort, 'this file is started as a thread')
startServing(parentPort, data)
