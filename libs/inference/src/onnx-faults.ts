// What onnxruntime says of a fault, in the terms of the graph that was translated.

/** In its messages, by whatever names it gives to nodes that it has made of several. */
const SOURCE = /\bname:? ?'?n(\d+)\./i
/** Up to it stands what failed, and after it often where in onnxruntime's own sources. */
const HEAD = /^.*?Status Message: (?:\S+:\d+ )?/s

/**
 * A fault at a node as one of the node that it was made for; `sources` are those of the ONNX model. Any other
 * as it is.
 */
export function inTermsOf(sources: readonly string[], fault: unknown): unknown {
  if (!(fault instanceof Error)) return fault
  const { message } = fault
  const source = sources[Number(SOURCE.exec(message)?.[1])]
  if (source === undefined) return fault
  return new Error(`${source}: ${message.replace(HEAD, '').trim()}`)
}
