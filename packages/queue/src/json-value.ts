import { z } from "zod";
import { digitsWrittenOut, isExactNumber, NUMBER_DIGITS_MAX } from "./json-number.ts";

declare global {
  interface JSON {
    isRawJSON(value: unknown): value is ExactNumber;
  }
}

/**
 * A number that a double would print otherwise (`9007199254740993`, `0.10`, `1e400`), as its text: what `JSON.rawJSON` makes,
 * and `JSON.stringify` writes again as it is. An interface, because a type alias would fit `JsonObject`.
 */
export interface ExactNumber {
  readonly rawJSON: string;
}
export type JsonNumber = number | ExactNumber;

/** Anything JSON can say; values are data, never code. */
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

/** The limit of every way into a run: PostgreSQL and runners read JSON by recursion, and nobody nests more on purpose. */
export const JSON_NESTING_MAX = 500;

/** What steps are given and give: room to wrap the whole of the deepest input some times over. */
export const STEP_VALUE_NESTING_MAX = JSON_NESTING_MAX + 12;

/** Walks with a stack of its own, so that hostile nesting cannot exhaust the process's. */
export function isJsonValue(value: unknown, levelsMax = JSON_NESTING_MAX): value is JsonValue {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (isScalar(next.value)) continue;
    if (typeof next.value !== "object" || next.value === null || next.depth > levelsMax) return false;
    if (JSON.isRawJSON(next.value)) return false;
    for (const member of Object.values(next.value)) open.push({ value: member, depth: next.depth + 1 });
  }
  return true;
}

/** A double that is no number is none: it would become null on its way to the next reader. */
function isScalar(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return true;
  return isExactNumber(value) && digitsWrittenOut(value.rawJSON) <= NUMBER_DIGITS_MAX;
}

/** Hands the value on as it is: a copy by zod would lose a key that is called `__proto__`. */
export const jsonValueSchema = z.custom<JsonValue>(
  (value) => isJsonValue(value),
  `must be JSON, nested at most ${JSON_NESTING_MAX} levels`,
);

/** The same of what steps are given and give. */
export const stepValueSchema = z.custom<JsonValue>(
  (value) => isJsonValue(value, STEP_VALUE_NESTING_MAX),
  `must be JSON, nested at most ${STEP_VALUE_NESTING_MAX} levels`,
);

export const jsonObjectSchema = z
  .custom<JsonObject>((value) => isJsonValue(value) && isJsonObject(value), "must be an object")
  .meta({ type: "object" });

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}
