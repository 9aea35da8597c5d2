import { AppError } from "@control-plane/service-kit/errors";

/** PostgreSQL's jsonb and every reader behind it must survive the nesting. */
const NESTING_MAX = 500;

/** Digits that exponents may add when PostgreSQL writes numbers out: `1e300` is 301 characters to every reader. */
const WRITTEN_OUT_DIGITS_MAX = 1_048_576;
const EXPONENT_MAX = 400;
const NUMBER = /-?\d[\d.]*(?:[eE]([+-]?\d+))?/y;

/** With the u flag paired surrogates are one character and do not match. */
const UNPAIRED_SURROGATE = /\p{Surrogate}/u;

/**
 * The run's input as JSON text. JSON bodies are handed on as they came, so that numbers keep their digits.
 * Throws `BODY_NOT_JSON` for announced JSON that is none, `BODY_NOT_STORABLE` for JSON that jsonb cannot hold.
 */
export function bodyToInput(body: Buffer, contentType: string | undefined): string {
  if (body.length === 0) return "null";
  const mediaType = contentType?.split(";")[0]?.trim().toLowerCase();
  if (mediaType === "application/json" || (mediaType?.endsWith("+json") ?? false)) return jsonText(body);
  if (mediaType === undefined || mediaType === "") return looksLikeJson(body) ? jsonText(body) : opaque(body, "");
  if (mediaType === "application/x-www-form-urlencoded") return formToInput(body);
  return opaque(body, contentType ?? "");
}

function opaque(body: Buffer, contentType: string): string {
  return JSON.stringify({ contentType, base64: body.toString("base64") });
}

function looksLikeJson(body: Buffer): boolean {
  try {
    JSON.parse(decodeUtf8(body));
    return true;
  } catch {
    return false;
  }
}

function decodeUtf8(body: Buffer): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
}

function jsonText(body: Buffer): string {
  let text: string;
  try {
    text = decodeUtf8(body);
    JSON.parse(text);
  } catch (cause) {
    throw new AppError("BODY_NOT_JSON", "the body is announced as JSON but is not JSON", { cause });
  }
  const problem = storageProblem(text);
  if (problem !== undefined) throw new AppError("BODY_NOT_STORABLE", `the body cannot be stored: ${problem}`);
  return text;
}

/**
 * What of valid JSON jsonb refuses or its readers could not bear: U+0000, unpaired surrogates, more nesting than anybody
 * should send, and numbers that are short as an exponent and huge when written out.
 */
function storageProblem(text: string): string | undefined {
  let depth = 0;
  let writtenOut = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '"') {
      const end = endOfString(text, index);
      if (text.slice(index, end).includes("\\u") && !isStorableString(text.slice(index, end + 1))) {
        return "it has U+0000 or an unpaired surrogate";
      }
      index = end;
    } else if (char === "[" || char === "{") {
      depth += 1;
      if (depth > NESTING_MAX) return `it is nested deeper than ${NESTING_MAX} levels`;
    } else if (char === "]" || char === "}") depth -= 1;
    else if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) {
      NUMBER.lastIndex = index;
      const [literal = char, exponent] = NUMBER.exec(text) ?? [];
      index += literal.length - 1;
      if (exponent === undefined) continue;
      const size = Math.abs(Number(exponent));
      writtenOut += size;
      if (size > EXPONENT_MAX || writtenOut > WRITTEN_OUT_DIGITS_MAX)
        return "its numbers are too large when written out";
    }
  }
  return undefined;
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index;
}

function isStorableString(literal: string): boolean {
  const value: unknown = JSON.parse(literal);
  return typeof value === "string" && !value.includes("\0") && !UNPAIRED_SURROGATE.test(value);
}

/** An object of strings; names that repeat become arrays. */
function formToInput(body: Buffer): string {
  const fields = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(body.toString("utf8")))
    fields.set(name, [...(fields.get(name) ?? []), value]);
  if ([...fields].some(([name, values]) => name.includes("\0") || values.some((value) => value.includes("\0")))) {
    throw new AppError("BODY_NOT_STORABLE", "the body cannot be stored: it has U+0000");
  }
  return JSON.stringify(
    Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values])),
  );
}
