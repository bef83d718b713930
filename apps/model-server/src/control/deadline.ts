import { ServingError } from '@drover/serving-api'

/** The result, if it is there in time; else throws DEADLINE_EXCEEDED. The work goes on by itself. */
export async function withDeadline<T>(
  work: Promise<T>,
  msMax: number,
  message = `It took more than ${msMax} ms`,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ServingError('DEADLINE_EXCEEDED', message)), msMax)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}
