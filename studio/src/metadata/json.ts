/** JSON as programs in Python write it: with NaN and Infinity, and with whole numbers of 64 bits. */

/** Beyond so many digits a JavaScript number may lose some (Number.MAX_SAFE_INTEGER has 16). */
const SAFE_DIGITS = 15
/** No seed has more; making a BigInt of a million digits takes minutes. */
const MOST_DIGITS = 40
const MARK = '\u0000whole:'
const NO_NUMBER = new Set(['NaN', 'Infinity', '-Infinity'])
const WHOLE = /^-?\d+$/

/**
 * NaN and Infinity are read as null, long whole numbers as BigInt, with every digit.
 * @throws SyntaxError where it is no JSON otherwise.
 */
export function readJson(text: string): unknown {
  const strict = strictly(text)
  return strict.includes('\\u0000whole:') ? JSON.parse(strict, (_, value: unknown) => whole(value)) : JSON.parse(strict)
}

/** As `readJson`; an object's fields, or none where it is something else. */
export function readFields(text: string): Record<string, unknown> {
  const read = readJson(text)
  return typeof read === 'object' && read !== null && !Array.isArray(read) ? (read as Record<string, unknown>) : {}
}

/** One pass over the text: what stands outside of strings and is not JSON's is replaced. */
function strictly(text: string): string {
  let out = ''
  let copied = 0
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if (!isOfToken(code)) at++
    else {
      const start = at
      while (at < text.length && isOfToken(text.charCodeAt(at))) at++
      const token = at - start <= MOST_DIGITS ? text.slice(start, at) : ''
      const instead = replacement(token)
      if (instead === undefined) continue
      out += text.slice(copied, start) + instead
      copied = at
    }
  }
  return out + text.slice(copied)
}

function replacement(token: string): string | undefined {
  if (NO_NUMBER.has(token)) return 'null'
  return token.length > SAFE_DIGITS && WHOLE.test(token) ? `"\\u0000whole:${token}"` : undefined
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at + 1
}

/** Letters, digits, and what a number holds beside them: + - . */
function isOfToken(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x2b || code === 0x2d || code === 0x2e
}

function whole(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(MARK)) return value
  const digits = value.slice(MARK.length)
  if (digits.length > MOST_DIGITS || !WHOLE.test(digits)) return value
  const number = BigInt(digits)
  return Number.isSafeInteger(Number(number)) ? Number(number) : number
}
