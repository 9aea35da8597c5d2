import type { JsonValue } from "@control-plane/queue";
import { type Condition, isJsonObject, type JsonObject, parsePointer } from "./definition.ts";
import { deepEqual } from "./json-equality.ts";

/** Where pointers lead: `/input`, `/steps/<key>/output`, `/trigger`, `/run`. */
export type Scope = { readonly [root: string]: JsonValue };

/** A pointer that leads nowhere and has no default; the step fails with REF_UNRESOLVED, which no retry mends. */
export class RefUnresolvedError extends Error {
  readonly pointer: string;

  constructor(pointer: string) {
    super(`${pointer} leads nowhere`);
    this.name = "RefUnresolvedError";
    this.pointer = pointer;
  }
}

/** Fills a value in: an object with a key that starts with `$` is an operator, everything else stands for itself. */
export function resolveValue(value: JsonValue, scope: Scope): JsonValue {
  if (Array.isArray(value)) return value.map((item) => resolveValue(item, scope));
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, "$literal")) return value.$literal ?? null;
  if (Object.hasOwn(value, "$ref")) return resolveRef(value, scope);
  if (Object.hasOwn(value, "$text")) {
    const parts = Array.isArray(value.$text) ? value.$text : [];
    return parts.map((part) => asText(resolveValue(part, scope))).join("");
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolveValue(member, scope)]));
}

function resolveRef(operator: JsonObject, scope: Scope): JsonValue {
  const pointer = typeof operator.$ref === "string" ? operator.$ref : "";
  const found = follow(scope, parsePointer(pointer) ?? []);
  if (found !== undefined) return found;
  if (operator.default !== undefined) return resolveValue(operator.default, scope);
  throw new RefUnresolvedError(pointer);
}

function follow(start: JsonValue, segments: readonly string[]): JsonValue | undefined {
  let current: JsonValue | undefined = start;
  for (const segment of segments) {
    if (Array.isArray(current)) current = /^(0|[1-9]\d*)$/.test(segment) ? current[Number(segment)] : undefined;
    else current = isJsonObject(current) && Object.hasOwn(current, segment) ? current[segment] : undefined;
    if (current === undefined) return undefined;
  }
  return current;
}

function asText(value: JsonValue): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Whether a step's `when` holds. EXISTS also holds off a pointer that leads nowhere: it is then false. */
export function evaluateCondition(condition: Condition, scope: Scope): boolean {
  if (condition.op === "EXISTS") {
    try {
      return resolveValue(condition.left, scope) !== null;
    } catch (error) {
      if (error instanceof RefUnresolvedError) return false;
      throw error;
    }
  }
  const left = resolveValue(condition.left, scope);
  const right = resolveValue(condition.right, scope);
  switch (condition.op) {
    case "EQ":
      return deepEqual(left, right);
    case "NE":
      return !deepEqual(left, right);
    case "IN":
      return Array.isArray(right) && right.some((item) => deepEqual(left, item));
    default:
      return compares(condition.op, left, right);
  }
}

function compares(op: "GT" | "GTE" | "LT" | "LTE", left: JsonValue, right: JsonValue): boolean {
  const order =
    typeof left === "number" && typeof right === "number"
      ? left - right
      : typeof left === "string" && typeof right === "string"
        ? left < right
          ? -1
          : left > right
            ? 1
            : 0
        : undefined;
  if (order === undefined) return false;
  return { GT: order > 0, GTE: order >= 0, LT: order < 0, LTE: order <= 0 }[op];
}
