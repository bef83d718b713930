// What is wrong in the sources of tfjs-node's addon, as texts and what they are replaced by when it is
// built. Version 4.22 empties the strings of every tensor that is deleted, also of those that TensorFlow
// made: an answer that shares its memory with a constant of the graph takes its strings away from the
// next request. Only the strings that the addon has made itself are its own to free.

import { createHash } from 'node:crypto'

const MENDS = [
  [
    '// Creates a TFE_TensorHandle from a JS array of Uint8Array values.\n',
    '// Those whose strings were made here. Used by one thread.\n' +
      'static std::set<TFE_TensorHandle *> own_strings;\n\n',
  ],
  [
    '  return tfe_tensor_handle;\n}\n\nTFE_TensorHandle *CreateTFE_TensorHandleFromJSValues(',
    '  own_strings.insert(tfe_tensor_handle);\n' +
      '  return tfe_tensor_handle;\n}\n\nTFE_TensorHandle *CreateTFE_TensorHandleFromJSValues(',
  ],
  [
    'if (TFE_TensorHandleDataType(tensor_handle) == TF_STRING) {',
    'if (own_strings.erase(tensor_handle) > 0) {',
  ],
]

/** Tells what was built with these mends from what was built with others, or none. */
export const MENDS_KEY = createHash('sha256')
  .update(JSON.stringify(MENDS))
  .digest('hex')
  .slice(0, 12)

/** `tfjs_backend.cc`, mended. Throws where it is not what these mends are for. */
export function mendBackend(source) {
  let text = source
  for (const [from, to] of MENDS) {
    const parts = text.split(from)
    if (parts.length !== 2) throw new Error('the addon is another one than its mends are for')
    text = parts.join(to)
  }
  return text
}
