/**
 * JSON that survives reading and printing digit by digit: numbers keep their text, objects the order of their keys.
 * JSON.parse would round bigint and numeric values and sort keys that look like integers.
 */
export type Json = null | boolean | string | JsonNumber | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;
export type JsonNumber = { readonly number: string };

/** Deeper texts are refused, so that a hostile answer cannot exhaust the stack. */
const DEPTH_MAX = 1000;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them inside strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;

/**
 * Throws SyntaxError, and RangeError for a text with more than `containersMax` lists and objects: those are what makes a
 * value so much larger than its text.
 */
export function parseJson(text: string, containersMax = Number.POSITIVE_INFINITY): Json {
  const reader: Reader = { text, position: 0, containersLeft: containersMax };
  const value = readValue(reader, 0);
  skip(reader, SPACE);
  if (reader.position < text.length) throw unexpected(reader);
  return value;
}

type Reader = { readonly text: string; position: number; containersLeft: number };

function readValue(reader: Reader, depth: number): Json {
  if (depth > DEPTH_MAX) throw new SyntaxError("the JSON text is nested too deeply");
  skip(reader, SPACE);
  const first = reader.text[reader.position];
  if (first === "{" || first === "[") {
    reader.containersLeft -= 1;
    if (reader.containersLeft < 0) throw new RangeError("too many lists and objects");
    return first === "{" ? readObject(reader, depth) : readList(reader, depth);
  }
  if (first === '"') return readString(reader);
  const word = skip(reader, WORD);
  if (word !== "") return word === "null" ? null : word === "true";
  const number = skip(reader, NUMBER);
  if (number === "") throw unexpected(reader);
  return { number };
}

function readObject(reader: Reader, depth: number): JsonObject {
  const members = new Map<string, Json>();
  reader.position += 1;
  skip(reader, SPACE);
  if (take(reader, "}")) return members;
  do {
    skip(reader, SPACE);
    const key = readString(reader);
    skip(reader, SPACE);
    if (!take(reader, ":")) throw unexpected(reader);
    members.set(key, readValue(reader, depth + 1));
    skip(reader, SPACE);
  } while (take(reader, ","));
  if (!take(reader, "}")) throw unexpected(reader);
  return members;
}

function readList(reader: Reader, depth: number): readonly Json[] {
  const items: Json[] = [];
  reader.position += 1;
  skip(reader, SPACE);
  if (take(reader, "]")) return items;
  do {
    items.push(readValue(reader, depth + 1));
    skip(reader, SPACE);
  } while (take(reader, ","));
  if (!take(reader, "]")) throw unexpected(reader);
  return items;
}

function readString(reader: Reader): string {
  const quoted = skip(reader, STRING);
  if (quoted === "") throw unexpected(reader);
  return quoted.includes("\\") ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
}

function skip(reader: Reader, pattern: RegExp): string {
  pattern.lastIndex = reader.position;
  const found = pattern.exec(reader.text)?.[0] ?? "";
  reader.position += found.length;
  return found;
}

function take(reader: Reader, character: string): boolean {
  if (reader.text[reader.position] !== character) return false;
  reader.position += 1;
  return true;
}

function unexpected(reader: Reader): SyntaxError {
  return new SyntaxError(
    reader.position < reader.text.length
      ? `unexpected character at position ${reader.position} of the JSON text`
      : "unexpected end of the JSON text",
  );
}

export function printJson(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (isJsonList(value)) return `[${value.map(printJson).join(",")}]`;
  if (isJsonObject(value)) {
    return `{${[...value].map(([key, member]) => `${JSON.stringify(key)}:${printJson(member)}`).join(",")}}`;
  }
  return value.number;
}

/** About as many characters as `printJson` writes, without writing them. */
export function jsonSize(value: Json): number {
  if (value === null || typeof value === "boolean") return 5;
  if (typeof value === "string") return value.length + 2;
  if (isJsonList(value)) return value.reduce<number>((size, item) => size + jsonSize(item) + 1, 2);
  if (isJsonObject(value)) {
    let size = 2;
    for (const [key, member] of value) size += key.length + jsonSize(member) + 4;
    return size;
  }
  return value.number.length;
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isJsonNumber(value: Json | undefined): value is JsonNumber {
  return typeof value === "object" && value !== null && !isJsonList(value) && !isJsonObject(value);
}

/** From plain values, as metadata gives them; whole numbers may be bigint. Undefined members are left out. */
export function toJson(value: unknown): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "bigint") return { number: value.toString() };
  if (typeof value === "number") return Number.isFinite(value) ? { number: JSON.stringify(value) } : null;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === "object") {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return new Map(members.map(([key, member]) => [key, toJson(member)]));
  }
  throw new TypeError(`not a JSON value: ${typeof value}`);
}

/** Numbers become doubles; for texts shown to people only, such as `extensions.internal`. */
export function toPlain(value: Json): unknown {
  return JSON.parse(printJson(value));
}
