const REASON_CHARACTERS_MAX = 1_024

/** An error and its causes in one line. */
export function reasonOf(error: unknown): string {
  const messages: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) messages.push(each.message)
  return (messages.join(': ') || String(error)).slice(0, REASON_CHARACTERS_MAX)
}
