import { storageProblemOfText } from "@control-plane/runs";
import { AppError } from "@control-plane/service-kit/errors";

/** Of every run's input, whichever way it comes. */
const INPUT_BYTES_MAX = 1_048_576;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The run's input as JSON text. JSON bodies are handed on as they came, so that numbers keep their digits.
 * Throws `BODY_NOT_JSON` for announced JSON that is none, `BODY_NOT_STORABLE` for JSON that jsonb cannot hold,
 * `PAYLOAD_TOO_LARGE` for a body that grows beyond an input's limit on its way to JSON.
 */
export function bodyToInput(body: Buffer, contentType: string | undefined): string {
  const input = convert(body, contentType);
  if (Buffer.byteLength(input) > INPUT_BYTES_MAX)
    throw new AppError("PAYLOAD_TOO_LARGE", "the run's input made of this body would be larger than 1 MiB");
  return input;
}

function convert(body: Buffer, contentType: string | undefined): string {
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

/** A byte order mark in front says nothing and is no part of the text. */
function withoutMark(body: Buffer): Buffer {
  return body.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
    ? body.subarray(BYTE_ORDER_MARK.length)
    : body;
}

function decodeUtf8(body: Buffer): string {
  return utf8.decode(withoutMark(body));
}

function jsonText(body: Buffer): string {
  let text: string;
  try {
    text = decodeUtf8(body);
    JSON.parse(text);
  } catch (cause) {
    throw new AppError("BODY_NOT_JSON", "the body is announced as JSON but is not JSON", { cause });
  }
  const problem = storageProblemOfText(text);
  if (problem !== undefined) throw new AppError("BODY_NOT_STORABLE", `the body cannot be stored: it ${problem}`);
  return text;
}

/** An object of strings; names that repeat become arrays. */
function formToInput(body: Buffer): string {
  const fields = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(withoutMark(body).toString("utf8")))
    fields.set(name, [...(fields.get(name) ?? []), value]);
  if ([...fields].some(([name, values]) => name.includes("\0") || values.some((value) => value.includes("\0")))) {
    throw new AppError("BODY_NOT_STORABLE", "the body cannot be stored: it has U+0000");
  }
  return JSON.stringify(
    Object.fromEntries([...fields].map(([name, values]) => [name, values.length === 1 ? values[0] : values])),
  );
}
