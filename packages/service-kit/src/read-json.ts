declare global {
  interface JSON {
    /** A value that `JSON.stringify` writes as exactly this text (ECMAScript proposal "JSON.parse source text access"). */
    rawJSON(text: string): object;
  }
}

/**
 * Strings are matched whole, so that what looks like a number inside them is not taken for one. Numbers only where a double
 * may print another text: with a fraction or an exponent, of 16 digits or more, and minus zero.
 */
const STRINGS_AND_NUMBERS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+[.eE][\d.eE+-]*|-?\d{16,}|-0/g;

/** U+0000 in front, which no text that can be stored has; the rest is this process's alone. */
const MARK = `\0${crypto.randomUUID().slice(0, 8)}:`;
const MARK_AS_JSON = JSON.stringify(MARK).slice(1, -1);

/**
 * The one reader of JSON from outside. Data is data: a number that a double would print otherwise (`9007199254740993`,
 * `0.10`, `1e400`) is kept as its text, which `JSON.stringify` writes again; every other number is a double. `__proto__` and
 * its like are keys as any other. Neither this nor what it calls recurses, so nesting cannot exhaust the stack.
 *
 * @throws SyntaxError for what is not JSON in UTF-8; a byte order mark in front says nothing and is left out
 */
export function readJson(source: string | Uint8Array): unknown {
  const text = typeof source === "string" ? source : decodeUtf8(source);
  let marked = 0;
  const readable = text.replace(STRINGS_AND_NUMBERS, (token) => {
    if (token.startsWith('"') || String(Number(token)) === token) return token;
    // Left to the parser, which refuses it.
    if (!isNumber(token)) return token;
    marked += 1;
    return `"${MARK_AS_JSON}${token}"`;
  });
  const value: unknown = JSON.parse(marked === 0 ? text : readable);
  return marked === 0 ? value : unmark(value);
}

function isNumber(token: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(token);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError("the text is not UTF-8", { cause });
  }
}

/** Puts numbers in the place of what stands for them, in the value itself. */
function unmark(value: unknown): unknown {
  if (typeof value === "string") return numberOf(value);
  const open = typeof value === "object" && value !== null ? [value] : [];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const place: object = next;
    const visit = (key: string | number, member: unknown): void => {
      if (typeof member === "object" && member !== null) open.push(member);
      // Every key is the value's own already: even `__proto__` only changes the member.
      else if (typeof member === "string" && member.startsWith(MARK)) Reflect.set(place, key, numberOf(member));
    };
    if (Array.isArray(place)) for (let index = 0; index < place.length; index += 1) visit(index, place[index]);
    else for (const key of Object.keys(place)) visit(key, Reflect.get(place, key));
  }
  return value;
}

function numberOf(text: string): unknown {
  return text.startsWith(MARK) ? JSON.rawJSON(text.slice(MARK.length)) : text;
}
