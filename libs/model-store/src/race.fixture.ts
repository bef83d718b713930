import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { z } from 'zod'

/** The program of a process that writes as it is told. */
export const WRITER = new URL('../dist/writer.fixture.js', import.meta.url).pathname
export const run = promisify(execFile)

const Raced = z.object({ created: z.array(z.int()), swapped: z.array(z.int()) })
const byNumber = (a: number, b: number): number => a - b
export const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

/** What many processes won that raced for the same objects and states of a store, in order. */
export async function race(
  directory: string,
  { writers, rounds }: { writers: number; rounds: number },
): Promise<z.output<typeof Raced>> {
  const answers = await Promise.all(
    numbers(writers).map(async (me) => {
      const task = { do: 'race', directory, me: `writer ${me}`, rounds }
      const { stdout } = await run(process.execPath, [WRITER, JSON.stringify(task)])
      return Raced.parse(JSON.parse(stdout))
    }),
  )
  return {
    created: answers.flatMap(({ created }) => created).toSorted(byNumber),
    swapped: answers.flatMap(({ swapped }) => swapped).toSorted(byNumber),
  }
}
