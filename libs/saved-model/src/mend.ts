// A graph that restores what nothing restores. TensorFlow gets it in the place of one whose variables
// have two handles each (`restored.ts`): it is the same, and what is run after a load does more.

import { FIELDS } from './generated/fields.ts'
import { attr, type NodeDef, type SavedModel } from './graph.ts'
import { isOfTags, readSavedModel, SERVE_TAGS } from './read.ts'
import { type Twins, twinsOf } from './restored.ts'
import { readFields, WireWriter } from './wire.ts'
import { writeNode } from './write.ts'

/** Whether TensorFlow would leave variables without their values. */
export const needsMending = (model: SavedModel): boolean => twinsOf(model).length > 0

/**
 * `saved_model.pb` in which the graph with these tags also fills the other handle of each variable; the same
 * bytes where it need not. Throws `SavedModelError` where there is no such graph.
 */
export function mend(bytes: Uint8Array, tags: readonly string[] = SERVE_TAGS): Uint8Array {
  const model = readSavedModel(bytes, tags)
  const twins = twinsOf(model)
  if (twins.length === 0) return bytes
  const addition = additionTo(model, twins)
  const writer = new WireWriter()
  let isFound = false
  for (const field of readFields(bytes)) {
    if (field.number === FILE.saved_model_schema_version) writer.varint(field.number, field.int)
    if (field.number !== FILE.meta_graphs) continue
    const isIt: boolean = !isFound && isOfTags(field.bytes, tags)
    isFound ||= isIt
    // What comes later is joined to what is there: nodes to nodes.
    writer.message(field.number, new WireWriter().raw(field.bytes).raw(isIt ? addition : NONE))
  }
  return writer.finish()
}

const { SavedModel: FILE, MetaGraphDef: META } = FIELDS
const NONE = new Uint8Array()

/** The fields of a MetaGraph that are to come behind its own. */
function additionTo({ graph, loading }: SavedModel, twins: readonly Twins[]): Uint8Array {
  const names = new Set(graph.nodes.map(({ name }) => name))
  let prefix = 'drover'
  while (names.has(prefix) || [...names].some((name) => name.startsWith(`${prefix}/`)))
    prefix += '_'
  const filled = twins.map((each, index) =>
    fillNodes(`${prefix}/${index}`, loading.restoreOp, each),
  )
  const last: NodeDef = {
    name: prefix,
    op: 'NoOp',
    inputs: filled.map(([, { name }]) => `^${name}`),
    attrs: {},
  }
  const nodes = new WireWriter()
  for (const node of [...filled.flat(), last]) nodes.message(FIELDS.GraphDef.node, writeNode(node))
  const saver = new WireWriter().bytes(FIELDS.SaverDef.restore_op_name, prefix)
  return new WireWriter().message(META.graph_def, nodes).message(META.saver_def, saver).finish()
}

/** Reads the one handle when it has been restored, and fills the other. The two share their memory. */
function fillNodes(
  prefix: string,
  restoreOp: string,
  { twin, restored }: Twins,
): [NodeDef, NodeDef] {
  const dtype = restored.attrs['dtype'] ?? attr.type('DT_FLOAT')
  const read = `${prefix}/read`
  const inputs = [restored.name, `^${restoreOp}`]
  return [
    { name: read, op: 'ReadVariableOp', inputs, attrs: { dtype } },
    { name: prefix, op: 'AssignVariableOp', inputs: [twin.name, read], attrs: { dtype } },
  ]
}
