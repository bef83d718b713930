// What `drover inspect` prints, to be compared with what `saved_model_cli` does.

import { inspectCommand, makeOutput } from '@drover/drover'

export async function inspected(directory: string): Promise<string> {
  let printed = ''
  const output = {
    ...makeOutput(false),
    result: (_value: object, lines: readonly string[]) => void (printed = lines.join('\n')),
  }
  await inspectCommand(output, directory)
  return printed
}

/**
 * A text with the operations and the arguments by name in order, which Python has in any. Where it goes
 * back over a comma, the comma is gone.
 */
export const sorted = (text: string): string =>
  text
    .replaceAll(', \b\b', '')
    .replace(/(?<=\{)'[^{}]*(?=\})/g, (given) =>
      given
        .split(/, (?=')/)
        .toSorted()
        .join(', '),
    )
    .trim()
