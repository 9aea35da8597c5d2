import { isJsonType, type PgType } from "../../catalog/pg-type.ts";

/** Lower-case name when the value stands for a session variable. */
export function sessionVariable(value: unknown): string | undefined {
  return typeof value === "string" && /^x-hasura-/i.test(value) ? value.toLowerCase() : undefined;
}

/**
 * PostgreSQL text of a JSON value for a parameter of the type. JSON columns get JSON, arrays an array literal, all else
 * PostgreSQL's own input syntax; what does not fit is PostgreSQL's to refuse.
 */
export function literalText(value: unknown, type: PgType): string | null {
  if (value === null || value === undefined) return null;
  if (isJsonType(type)) return JSON.stringify(value);
  if (Array.isArray(value)) return arrayLiteral(value, type.element ?? type);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** `{"a",NULL,{"b"}}`: every element quoted, so that no content can be taken for syntax. */
export function arrayLiteral(items: readonly unknown[], element: PgType): string {
  const texts = items.map((item) => {
    if (Array.isArray(item) && !isJsonType(element)) return arrayLiteral(item, element);
    const text = literalText(item, element);
    return text === null ? "NULL" : quoteElement(text);
  });
  return `{${texts.join(",")}}`;
}

/** An element of an array literal that no content can break out of. */
export function quoteElement(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
