import { z } from "zod";

/** Anything JSON can say; values are data, never code. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** The limit of every way into a run: PostgreSQL and runners read JSON by recursion, and nobody nests more on purpose. */
const NESTING_MAX = 500;

/** Walks with a stack of its own, so that hostile nesting cannot exhaust the process's. */
export function isJsonValue(value: unknown): value is JsonValue {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 1 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (isScalar(next.value)) continue;
    if (typeof next.value !== "object" || next.value === null || next.depth > NESTING_MAX) return false;
    for (const member of Object.values(next.value)) open.push({ value: member, depth: next.depth + 1 });
  }
  return true;
}

/** A number that a double cannot hold is none: it would become null on its way to the next reader. */
function isScalar(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

/** Hands the value on as it is: a copy by zod would lose a key that is called `__proto__`. */
export const jsonValueSchema = z.custom<JsonValue>(isJsonValue, `must be JSON, nested at most ${NESTING_MAX} levels`);
