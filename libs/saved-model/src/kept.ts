// Constants that stand for what a model keeps: TensorFlow does not know their values ahead.

import { attr, type NodeDef } from './graph.ts'

const KEPT = 'isKept'

/** The same constant, told apart from those that a graph has of itself. */
export const keptConstant = (node: NodeDef): NodeDef => ({
  ...node,
  attrs: { ...node.attrs, [KEPT]: attr.bool(true) },
})

/** Whether a node is such a constant. */
export const isKept = ({ attrs }: NodeDef): boolean => attrs[KEPT] !== undefined
