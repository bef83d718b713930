// What models take of memory, as far as it can be told from their files; measured (see each). Kernels
// know it exactly.

const KIB = 1024
/**
 * onnxruntime keeps weights once, packed: 1.02 to 1.05 times their bytes where the process was
 * started with `MALLOC_MMAP_THRESHOLD_=65536`, and twice as much where it was not.
 */
const ONNX_FACTOR = 1.05
/** A session with its translation, whatever is in it: 3 KiB of weights took 134 KiB, 398 took 499. */
const ONNX_MODEL_BYTES = 120 * KIB

/** Constants of a graph are held five times: 398 KiB took 2,246, 7,856 took 39,694. */
const TENSORFLOW_GRAPH_FACTOR = 5
/** Variables are held once: 62,511 KiB took 66,939. */
const TENSORFLOW_VARIABLES_FACTOR = 1.1
/** Of a small model, by the size of its functions: 240 to 1,300 KiB. */
const TENSORFLOW_MODEL_BYTES = 800 * KIB

/** A process of TensorFlow with next to nothing in it, without the library's pages, which all share: 58 MiB. */
export const TENSORFLOW_PROCESS_BYTES = 60 * KIB * KIB

/** A model that onnxruntime runs. */
export const onnxBytes = (sizeBytes: number): number =>
  Math.ceil(sizeBytes * ONNX_FACTOR) + ONNX_MODEL_BYTES

/** A model in TensorFlow's process, without that process's own part. */
export const tensorflowBytes = (sizeBytes: number, graphBytes: number): number =>
  Math.ceil(
    graphBytes * TENSORFLOW_GRAPH_FACTOR + (sizeBytes - graphBytes) * TENSORFLOW_VARIABLES_FACTOR,
  ) + TENSORFLOW_MODEL_BYTES
