/** A chain may be a circle. */
const MESSAGES_MAX = 16

/** What an error says and what those say that caused it, outermost first; nothing for what is no error. */
export function messagesOf(error: unknown): string[] {
  const messages: string[] = []
  let next = error
  while (next instanceof Error && messages.length < MESSAGES_MAX) {
    messages.push(next.message)
    next = next.cause
  }
  return messages
}

/** The same in one line for people: what is said again is said once. */
export function reasonOf(error: unknown, charactersMax = 1_024): string {
  const said: string[] = []
  for (const message of messagesOf(error))
    if (message !== '' && !said.some((other) => other.includes(message))) said.push(message)
  return (said.join(': ') || String(error)).slice(0, charactersMax)
}
