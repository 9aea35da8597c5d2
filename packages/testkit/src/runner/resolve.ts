import { compareNumbers, deepEqual, isJsonNumber, isJsonValue } from "@control-plane/queue";
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

/** A value of a workflow definition (docs/reference/workflow-definitions.md) with its operators replaced. */
export function resolveValue(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveValue(item, scope));
  if (!isObject(value)) return value;
  const literal = literalSchema.safeParse(value);
  if (literal.success) return literal.data.$literal;
  const reference = refSchema.safeParse(value);
  if (reference.success) {
    const found = follow(reference.data.$ref, scope);
    if (found !== undefined) return found.value;
    if ("default" in value) return resolveValue(reference.data.default, scope);
    throw new RefUnresolvedError(reference.data.$ref);
  }
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
      return areEqual(a, b);
    case "NE":
      return !areEqual(a, b);
    case "IN":
      return Array.isArray(b) && b.some((item) => areEqual(a, item));
    default:
      return compare(op, a, b);
  }
}

function areEqual(a: unknown, b: unknown): boolean {
  return isJsonValue(a, Infinity) && isJsonValue(b, Infinity) && deepEqual(a, b);
}

/** Two numbers, by their values to the last digit, or two texts; anything else is false. */
function compare(op: string, a: unknown, b: unknown): boolean {
  const order =
    isJsonNumber(a) && isJsonNumber(b)
      ? compareNumbers(a, b)
      : typeof a === "string" && typeof b === "string"
        ? compareTexts(a, b)
        : Number.NaN;
  switch (op) {
    case "GT":
      return order > 0;
    case "GTE":
      return order >= 0;
    case "LT":
      return order < 0;
    case "LTE":
      return order <= 0;
    default:
      throw new Error(`unknown operator ${op}`);
  }
}

/** By UTF-16 code units. */
function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function resolveOptional(value: unknown, scope: Scope): unknown {
  try {
    return resolveValue(value, scope) ?? null;
  } catch (error) {
    if (error instanceof RefUnresolvedError) return null;
    throw error;
  }
}

function follow(pointer: string, scope: Scope): { value: unknown } | undefined {
  let place: { value: unknown } | undefined = { value: scope };
  for (const token of pointer.split("/").slice(1)) {
    place = step(place.value, token.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (place === undefined) return undefined;
  }
  return place;
}

function step(place: unknown, key: string): { value: unknown } | undefined {
  if (Array.isArray(place))
    return /^(0|[1-9]\d*)$/.test(key) && Number(key) < place.length ? { value: place[Number(key)] } : undefined;
  return isObject(place) && Object.hasOwn(place, key) ? { value: place[key] } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isJsonNumber(value);
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
