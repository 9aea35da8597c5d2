import { type Condition, isJsonObject, type JsonValue, jsonPointer, parsePointer } from "./definition.ts";
import { deepEqual } from "./json-schema.ts";

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
  if ("$literal" in value) return value.$literal ?? null;
  if ("$ref" in value) return resolveRef(value, scope);
  if ("$text" in value) {
    const parts = Array.isArray(value.$text) ? value.$text : [];
    return parts.map((part) => asText(resolveValue(part, scope))).join("");
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolveValue(member, scope)]));
}

function resolveRef(operator: { readonly [key: string]: JsonValue }, scope: Scope): JsonValue {
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

/** A `$ref` somewhere inside a value, with the place of its operator object. */
export type Reference = { at: string; ref: JsonValue; hasDefault: boolean };

/** Every operator's reference inside a value; `$literal` hides what is in it. Malformed operators are told apart. */
export function collectReferences(value: JsonValue, at: string): { references: Reference[]; malformed: string[] } {
  const references: Reference[] = [];
  const malformed: string[] = [];
  const visit = (current: JsonValue, place: string): void => {
    if (Array.isArray(current)) {
      for (const [index, item] of current.entries()) visit(item, place + jsonPointer(index));
      return;
    }
    if (!isJsonObject(current)) return;
    const operators = Object.keys(current).filter((key) => key.startsWith("$"));
    if (operators.length === 0) {
      for (const [key, member] of Object.entries(current)) visit(member, place + jsonPointer(key));
      return;
    }
    const keys = Object.keys(current);
    const [operator] = operators;
    if (operator === "$literal" && keys.length === 1) return;
    if (operator === "$text" && keys.length === 1 && Array.isArray(current.$text)) {
      visit(current.$text, `${place}/$text`);
      return;
    }
    if (operator === "$ref" && keys.every((key) => key === "$ref" || key === "default")) {
      references.push({ at: `${place}/$ref`, ref: current.$ref ?? null, hasDefault: current.default !== undefined });
      if (current.default !== undefined) visit(current.default, `${place}/default`);
      return;
    }
    malformed.push(place);
  };
  visit(value, at);
  return { references, malformed };
}
