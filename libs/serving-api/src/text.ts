// RapidJSON's way to write a string: everything as it is but quotes, backslashes and controls.

/** Quotes, backslashes, and whatever is below a space. */
const ESCAPED = /["\\]|[^ -\uffff]/
const EACH_ESCAPED = new RegExp(ESCAPED, 'g')
const SHORT: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

/** A JSON string with its quotes. Characters above 127 stay: the text may be one byte a character. */
export function writeText(text: string): string {
  return ESCAPED.test(text) ? `"${text.replace(EACH_ESCAPED, escapeCharacter)}"` : `"${text}"`
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  return SHORT[character] ?? `\\u00${code.toString(16).toUpperCase().padStart(2, '0')}`
}
