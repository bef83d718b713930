const REASON_CHARACTERS_MAX = 1_024

/** An error and its causes in one line. */
export function reasonOf(error: unknown): string {
  const messages: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) {
    const { message } = each
    // Some errors repeat what their cause says.
    if (!messages.some((other) => other.includes(message))) messages.push(message)
  }
  return (messages.join(': ') || String(error)).slice(0, REASON_CHARACTERS_MAX)
}
