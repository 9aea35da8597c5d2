import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

/** What pointers may reach: `/input`, `/steps/<key>/output`, `/trigger`, `/run`. */
export type Scope = {
  input: unknown;
  steps: Record<string, { output: unknown }>;
  trigger: unknown;
  run: unknown;
};

/** A pointer without default that leads nowhere. */
export class RefUnresolvedError extends Error {
  readonly pointer: string;

  constructor(pointer: string) {
    super(`${pointer} leads nowhere`);
    this.pointer = pointer;
  }
}

const refSchema = z.strictObject({ $ref: z.string(), default: z.unknown().optional() });
const textSchema = z.strictObject({ $text: z.array(z.unknown()) });
const literalSchema = z.strictObject({ $literal: z.unknown() });
const conditionSchema = z.object({ op: z.string(), left: z.unknown(), right: z.unknown().optional() });

/** A value of a definition (catalogue-and-workflows.md section 6) with its operators replaced. */
export function resolveValue(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveValue(item, scope));
  if (!isObject(value)) return value;
  const literal = literalSchema.safeParse(value);
  if (literal.success) return literal.data.$literal;
  const reference = refSchema.safeParse(value);
  if (reference.success) return follow(reference.data.$ref, scope, "default" in value, reference.data.default);
  const text = textSchema.safeParse(value);
  if (text.success) return text.data.$text.map((part) => asText(resolveValue(part, scope))).join("");
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolveValue(inner, scope)]));
}

/** Whether a step's `when` lets it run; an absent condition does. */
export function holds(condition: unknown, scope: Scope): boolean {
  if (condition === null || condition === undefined) return true;
  const { op, left, right } = conditionSchema.parse(condition);
  if (op === "EXISTS") return resolveOptional(left, scope) !== null;
  const [a, b] = [resolveValue(left, scope), resolveValue(right, scope)];
  switch (op) {
    case "EQ":
      return isDeepStrictEqual(a, b);
    case "NE":
      return !isDeepStrictEqual(a, b);
    case "IN":
      return Array.isArray(b) && b.some((item) => isDeepStrictEqual(a, item));
    default:
      return compare(op, a, b);
  }
}

function compare(op: string, a: unknown, b: unknown): boolean {
  const comparable =
    (typeof a === "number" && typeof b === "number") || (typeof a === "string" && typeof b === "string");
  if (!comparable) return false;
  switch (op) {
    case "GT":
      return a > b;
    case "GTE":
      return a >= b;
    case "LT":
      return a < b;
    case "LTE":
      return a <= b;
    default:
      throw new Error(`unknown operator ${op}`);
  }
}

function resolveOptional(value: unknown, scope: Scope): unknown {
  try {
    return resolveValue(value, scope) ?? null;
  } catch (error) {
    if (error instanceof RefUnresolvedError) return null;
    throw error;
  }
}

function follow(pointer: string, scope: Scope, hasDefault: boolean, fallback: unknown): unknown {
  let place: unknown = scope;
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    const next = step(place, key);
    if (next === undefined) {
      if (hasDefault) return fallback;
      throw new RefUnresolvedError(pointer);
    }
    place = next.value;
  }
  return place;
}

function step(place: unknown, key: string): { value: unknown } | undefined {
  if (Array.isArray(place))
    return /^(0|[1-9]\d*)$/.test(key) && Number(key) < place.length ? { value: place[Number(key)] } : undefined;
  return isObject(place) && Object.hasOwn(place, key) ? { value: place[key] } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
