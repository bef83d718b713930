// What a restore operation reads: a tensor of the checkpoint, or one part of a partitioned variable.

import { sizeOf, type Tensor } from '@drover/serving-api'
import { cutSlice } from './bundle/index.ts'
import type { NodeDef, SavedModel } from './graph.ts'
import { untranslatable } from './node-attrs.ts'
import { readSlice } from './restored-slice.ts'
import type { Restored } from './restored.ts'
import { isSameShape } from './values.ts'

/** A variable of which parts are asked for. */
interface Whole {
  tensor: Tensor
  /** Elements that no part has yet. */
  left: number
}

/** The tensors of a model's checkpoint. */
export class CheckpointValues {
  readonly #model: Pick<SavedModel, 'checkpoint'>
  readonly #wholes = new Map<string, Whole>()

  constructor(model: Pick<SavedModel, 'checkpoint'>) {
    this.#model = model
  }

  /** Throws UNTRANSLATABLE, naming the node that it is for, where it is not known. */
  read(node: NodeDef, restored: Restored | undefined): Tensor {
    const { checkpoint } = this.#model
    if (restored === undefined || checkpoint === undefined)
      throw untranslatable(node, 'nothing restores it')
    const { key, slice } = restored
    if (slice === '') return checkpoint.tensor(key)
    const whole = this.#wholes.get(key) ?? wholeOf(checkpoint.tensor(key))
    this.#wholes.set(key, whole)
    return part(node, whole, slice)
  }
}

const wholeOf = (tensor: Tensor): Whole => ({ tensor, left: sizeOf(tensor.shape) })

/** Parts that are asked for more than once could take far more memory than the variable. */
function part(node: NodeDef, whole: Whole, text: string): Tensor {
  const { tensor } = whole
  const slice = readSlice(text)
  if (slice === undefined || !isSameShape(slice.shape, tensor.shape))
    throw untranslatable(node, `${text} is no part of a variable of [${tensor.shape.join(', ')}]`)
  whole.left -= sizeOf(
    slice.extents.map(({ length }, axis) => (length < 0 ? (tensor.shape[axis] ?? 0) : length)),
  )
  if (whole.left < 0) throw untranslatable(node, 'its parts are larger than it')
  return cutSlice(tensor, slice.extents)
}
