import { writeMetadata } from '@drover/serving-api'
import { type Core, type HttpAnswer, type Lane, toldSignatures } from '../serving/core.ts'
import { writtenOnce } from '../serving/metadata.ts'
import { type Answering, answerHere } from './post.ts'
import { replyTo } from './reply.ts'

type Options = Partial<Pick<Answering, 'checksMethodNames' | 'slices'>>

const metadataOf = writtenOnce((found) => writeMetadata(found, toldSignatures(found)))

/**
 * Answers in this thread, whatever it takes: the lane's side of the REST API. Throws what is no
 * expected failure.
 */
export async function answerInLane(
  core: Core,
  request: Parameters<Lane['rest']>[0],
  { checksMethodNames = false, slices }: Options = {},
): Promise<HttpAnswer> {
  const { method, model } = request
  const answering = { core, valuesMax: Infinity, checksMethodNames, slices }
  try {
    const body =
      method === 'metadata'
        ? metadataOf(await core.find(model))
        : await answerHere(answering, { ...request, method })
    return { status: 200, body }
  } catch (error) {
    const reply = replyTo(error)
    if (reply === undefined) throw error
    return reply
  }
}
