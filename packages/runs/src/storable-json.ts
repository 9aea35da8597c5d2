import { digitsWrittenOut, isJsonNumber, NUMBER_DIGITS_MAX, numberText } from "@control-plane/queue/json-number";
import { JSON_NESTING_MAX } from "@control-plane/queue/json-value";
import { isStorableText } from "@control-plane/service-kit/storable-text";

/** The most that PostgreSQL's `integer` holds: attempts, version numbers, numbers of events. */
export const INTEGER_MAX = 2_147_483_647;

/** Digits that exponents may add when PostgreSQL writes numbers out: `1e300` is 301 characters to every reader. */
const WRITTEN_OUT_DIGITS_MAX = 1_048_576;
/** A text so short has few digits when it has no exponent. */
const PLAIN_LENGTH_MAX = NUMBER_DIGITS_MAX;
/** An escaped character, or a number with an exponent: in valid JSON one stands behind a bracket, comma, colon or space, or first. */
const CONSPICUOUS = /\\u|(?:^|[[,:\s])-?\d[\d.]*[eE]/;
const OPENED = /[[{]/g;
const OF_NUMBER = /[\d.-]/;
const PLAIN_JSON_LENGTH_MAX = 65_536;
const NUMBER = /-?\d[\d.]*(?:[eE][+-]?\d+)?/y;

const TEXT_PROBLEM = "has U+0000 or half a surrogate pair";
const nestingProblem = (levelsMax: number): string => `is nested deeper than ${levelsMax} levels`;
const NUMBER_PROBLEM = "has numbers that are too large when written out";

/**
 * Why PostgreSQL, or a reader behind it, could not hold a JSON value; undefined when they can. Comes before any schema that
 * recurses: this walk keeps its own stack, so hostile nesting cannot exhaust the process's.
 */
export function storageProblem(value: unknown, levelsMax = JSON_NESTING_MAX): string | undefined {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  let writtenOut = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value === "string" && !isStorableText(next.value)) return TEXT_PROBLEM;
    if (isJsonNumber(next.value)) {
      writtenOut += addedDigits(numberText(next.value));
      if (writtenOut > WRITTEN_OUT_DIGITS_MAX) return NUMBER_PROBLEM;
      continue;
    }
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > levelsMax) return nestingProblem(levelsMax);
    for (const [key, member] of Object.entries(next.value)) {
      if (!isStorableText(key)) return TEXT_PROBLEM;
      open.push({ value: member, depth: next.depth + 1 });
    }
  }
  return undefined;
}

/** By how much a number grows when it is written out; without end for one with too many digits. */
function addedDigits(text: string): number {
  if (text.length <= PLAIN_LENGTH_MAX && !/[eE]/.test(text)) return 0;
  const digits = digitsWrittenOut(text);
  return digits > NUMBER_DIGITS_MAX ? Number.POSITIVE_INFINITY : Math.max(digits - text.length, 0);
}

/**
 * The same of a run's input, which is valid JSON as text and is handed on as it came, so that numbers keep their digits. Written
 * out it is still no larger than an input may be: else no step could take it on.
 */
export function storageProblemOfText(json: string): string | undefined {
  if (isPlain(json)) return undefined;
  let depth = 0;
  let writtenOut = json.length;
  for (let index = 0; index < json.length; index++) {
    const char = json[index];
    if (char === '"') {
      const end = endOfString(json, index);
      if (json.slice(index, end).includes("\\u") && !isStorableLiteral(json.slice(index, end + 1))) return TEXT_PROBLEM;
      index = end;
    } else if (char === "[" || char === "{") {
      depth += 1;
      if (depth > JSON_NESTING_MAX) return nestingProblem(JSON_NESTING_MAX);
    } else if (char === "]" || char === "}") depth -= 1;
    else if (char === "-" || (char !== undefined && char >= "0" && char <= "9")) {
      NUMBER.lastIndex = index;
      const literal = NUMBER.exec(json)?.[0] ?? char;
      index += literal.length - 1;
      writtenOut += addedDigits(literal);
      if (writtenOut > WRITTEN_OUT_DIGITS_MAX) return NUMBER_PROBLEM;
    }
  }
  return undefined;
}

/** Whether nothing of it has to be looked at closely, as with nearly all that is sent: at a tenth of what the walk costs. */
function isPlain(json: string): boolean {
  if (json.length > PLAIN_JSON_LENGTH_MAX || CONSPICUOUS.test(json)) return false;
  if ((json.match(OPENED)?.length ?? 0) > JSON_NESTING_MAX) return false;
  // Whatever is too long to be a number reaches over one of these places.
  for (let at = NUMBER_DIGITS_MAX; at < json.length; at += NUMBER_DIGITS_MAX) {
    if (OF_NUMBER.test(json.charAt(at))) return false;
  }
  return true;
}

/** Index of the closing quote of the string that opens at `start`. */
function endOfString(json: string, start: number): number {
  let index = start + 1;
  while (index < json.length && json[index] !== '"') index += json[index] === "\\" ? 2 : 1;
  return index;
}

function isStorableLiteral(literal: string): boolean {
  const value: unknown = JSON.parse(literal);
  return typeof value === "string" && isStorableText(value);
}
