// Whether what is told of ONNX models before they run is so when they have run.

import {
  type TensorExtent,
  extent,
  foretell,
  openTranslation,
  outlineOf,
  readSavedModel,
  SavedModelError,
  translateToData,
} from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import * as ort from 'onnxruntime-node'
import { expect } from 'vitest'
import { toOrt } from './onnx-engine.ts'
import { inputsOf, nameOf, singleModel } from './sample-single.ts'
import type { Case } from './sample-slices.ts'

const LIMITS = { bytes: 2 ** 30, ns: 1e10 }

/** What is told of the outputs of a case, with what they are; none where it is not run by onnxruntime. */
async function toldAndMade(each: Case, at: number): Promise<[TensorExtent, ort.Tensor][]> {
  const name = nameOf(each, at)
  const model = readSavedModel(singleModel([each], ({ shape }) => shape.map(() => -1)))
  const [signature] = Object.values(model.signatures)
  if (signature === undefined) throw new Error(`there is no case ${name}`)
  const opened = openedOf(model)
  if (opened?.model === undefined) return []
  const { feeds } = opened.begin(inputsOf(each))
  const outline = outlineOf(opened.model.bytes)
  const { outputs } = foretell(outline, extentsOf(outline.inputs, feeds), LIMITS)
  const session = await ort.InferenceSession.create(opened.model.bytes, { logSeverityLevel: 4 })
  const given = Object.entries(feeds).map(([key, tensor]) => [key, toOrt(tensor)])
  // Some of what is at its limits is refused by the model's own checks.
  const made = await session
    .run(Object.fromEntries(given))
    .catch((): ort.InferenceSession.OnnxValueMapType => ({}))
  await session.release()
  return [...outputs].flatMap(([key, told]): [TensorExtent, ort.Tensor][] => {
    const tensor = made[key]
    return tensor === undefined ? [] : [[told, tensor]]
  })
}

function openedOf(model: ReturnType<typeof readSavedModel>) {
  try {
    return Object.values(openTranslation(translateToData(model)).signatures)[0]
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'UNTRANSLATABLE') return undefined
    throw error
  }
}

const extentsOf = (
  inputs: readonly { name: string; dtype: TensorExtent['dtype'] }[],
  feeds: Readonly<Record<string, Tensor>>,
): Map<string, TensorExtent> =>
  new Map(
    inputs.map(({ name, dtype }) => {
      const tensor = feeds[name]
      const isOfIntegers = tensor?.dtype === 'DT_INT32' || tensor?.dtype === 'DT_INT64'
      const values = isOfIntegers ? Array.from(tensor.values, Number) : []
      const range = values.length > 0 ? { low: values, high: values } : undefined
      return [name, extent(dtype, tensor?.shape ?? [], { isExact: true, range })]
    }),
  )

/** The end of the range of an element. */
const bound = (bounds: readonly number[], at: number): number =>
  bounds[bounds.length === 1 ? 0 : at] ?? 0

/** In what it is not as it was told. */
function faultOf(told: TensorExtent, { dims, data, size }: ort.Tensor): string | undefined {
  const more = told.dims.length - dims.length
  if (more < 0 || (more > 0 && told.mayHaveLess !== true)) return 'it has another rank'
  if (size > told.count) return 'it has more elements'
  if (dims.some((length, axis) => length > (told.dims[axis + more] ?? 0))) return 'it is larger'
  if (told.isExact && dims.some((length, axis) => length !== told.dims[axis]))
    return 'it is smaller'
  const { range } = told
  const isWithin = Array.from(data, Number).every(
    (value, at) =>
      range === undefined ||
      (value >= bound(range.low, at) - nearTo(value) &&
        value <= bound(range.high, at) + nearTo(value)),
  )
  return isWithin ? undefined : 'it has other numbers'
}

/** Floats are rounded on the way. */
const nearTo = (value: number): number => (Number.isInteger(value) ? 0 : Math.abs(value) * 1e-5)

/** Expects it of all of them; gives of how many something was told. */
export async function expectAsTold(all: readonly Case[]): Promise<number> {
  let seen = 0
  for (const [at, each] of all.entries())
    for (const [told, made] of await toldAndMade(each, at)) {
      seen++
      expect(
        faultOf(told, made),
        `${nameOf(each, at)} is told as ${JSON.stringify(told)} and is [${made.dims.join()}]`,
      ).toBeUndefined()
    }
  return seen
}
