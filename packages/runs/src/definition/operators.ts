import { isJsonObject, type JsonValue } from "@control-plane/queue/json-value";
import { jsonPointer } from "@control-plane/service-kit/json-pointer";

/** What an object with a key that starts with `$` asks for; undefined for plain data. */
export type Operator =
  | { kind: "ref"; ref: JsonValue; default: JsonValue | undefined }
  | { kind: "text"; parts: readonly JsonValue[] }
  | { kind: "literal"; value: JsonValue }
  | { kind: "malformed" };

export function readOperator(value: JsonValue): Operator | undefined {
  if (!isJsonObject(value)) return undefined;
  const keys = Object.keys(value);
  if (!keys.some((key) => key.startsWith("$"))) return undefined;
  const { $ref, $text, $literal } = value;
  if ($ref !== undefined && keys.every((key) => key === "$ref" || key === "default"))
    return { kind: "ref", ref: $ref, default: value.default };
  if ($text !== undefined && keys.length === 1 && Array.isArray($text)) return { kind: "text", parts: $text };
  if ($literal !== undefined && keys.length === 1) return { kind: "literal", value: $literal };
  return { kind: "malformed" };
}

/** A `$ref` somewhere inside a value; `at` is where its pointer stands. */
export type Reference = { at: string; ref: JsonValue };

/** Every reference inside a value; `$literal` hides what is in it. Malformed operators are told apart by their place. */
export function collectReferences(value: JsonValue, at: string): { references: Reference[]; malformed: string[] } {
  const references: Reference[] = [];
  const malformed: string[] = [];
  const visit = (current: JsonValue, place: string): void => {
    const operator = readOperator(current);
    switch (operator?.kind) {
      case undefined:
        if (typeof current === "object" && current !== null)
          for (const [key, member] of Object.entries(current)) visit(member, place + jsonPointer(key));
        return;
      case "ref":
        references.push({ at: `${place}/$ref`, ref: operator.ref });
        if (operator.default !== undefined) visit(operator.default, `${place}/default`);
        return;
      case "text":
        visit(operator.parts, `${place}/$text`);
        return;
      case "literal":
        return;
      case "malformed":
        malformed.push(place);
        return;
      default:
        operator satisfies never;
    }
  };
  visit(value, at);
  return { references, malformed };
}

/** Whether a value stands for itself: no operator in it. */
export function isLiteral(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return true;
  return readOperator(value) === undefined && Object.values(value).every(isLiteral);
}
