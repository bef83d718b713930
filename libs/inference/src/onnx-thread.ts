// A thread in which onnxruntime's sessions live and run.

import { workerData } from 'node:worker_threads'
import {
  LOADING,
  type OnnxProtocol,
  type OnnxThreadData,
  RUNNING,
} from './engines/onnx-protocol.ts'
import { signaturesOf, unpack } from './engines/parcel.ts'
import { RunQueue } from './engines/run-queue.ts'
import { serveControl } from './engines/thread-side.ts'
import { openTranslated } from './onnx-engine.ts'

const { waitingMax, suspects }: OnnxThreadData = workerData

// onnxruntime holds the thread while it runs, so that more at a time would only wait in it.
const queue = new RunQueue({
  runsMax: 1,
  waitingMax,
  onRun: (model) => {
    suspects[RUNNING] = model
  },
})

serveControl<OnnxProtocol>(async (request) => {
  switch (request.kind) {
    case 'load': {
      suspects[LOADING] = request.model
      try {
        const translation = unpack(request.parcel)
        const engine = await openTranslated(translation)
        queue.add(request.model, engine, signaturesOf(translation))
      } finally {
        suspects[LOADING] = 0
      }
      return { result: undefined }
    }
    case 'unload':
      await queue.remove(request.model)
      return { result: undefined }
    case 'connect': {
      const { port } = request
      port.on('message', (buffer: ArrayBuffer) => queue.receive(port, buffer))
      return { result: undefined }
    }
  }
})
