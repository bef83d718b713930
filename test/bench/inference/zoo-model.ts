import { prepareZoo, readRequests } from '../../zoo/zoo.ts'

/** Where a model of the zoo is, and the alias of its only input. Throws where there is none. */
export async function zooModel(name: string): Promise<{ directory: string; input: string }> {
  const [model] = await prepareZoo([name])
  if (model === undefined) throw new Error(`the zoo has no ${name}`)
  const [request] = await readRequests(model)
  const [input = ''] = Object.keys(request?.inputs ?? {})
  return { directory: model.directory, input }
}
